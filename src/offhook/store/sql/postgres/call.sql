SELECT state FROM call WHERE account = :account AND id = :id
