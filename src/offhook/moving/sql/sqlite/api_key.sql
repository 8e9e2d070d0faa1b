SELECT digest, id, account, test, scopes, rate_limit_per_s FROM api_key
