SELECT id, account, test, scopes, rate_limit_per_s FROM api_key WHERE digest = :digest::bytea
