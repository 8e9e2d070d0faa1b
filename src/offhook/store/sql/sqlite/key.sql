SELECT id, account, test, scopes FROM api_key WHERE digest = :digest
