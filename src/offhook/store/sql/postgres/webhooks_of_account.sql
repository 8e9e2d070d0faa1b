SELECT id FROM resource WHERE account = :account AND kind = 'webhook'
