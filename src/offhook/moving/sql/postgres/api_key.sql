SELECT digest, id, account, test::integer, scopes, rate_limit_per_s FROM api_key
