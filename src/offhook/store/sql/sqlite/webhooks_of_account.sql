SELECT json_group_array(id) FROM resource WHERE account = :account AND kind = 'webhook'
