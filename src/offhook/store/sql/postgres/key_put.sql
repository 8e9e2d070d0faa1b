INSERT INTO api_key (digest, id, account, test, scopes, rate_limit_per_s)
VALUES (:digest::bytea, :id, :account, :test, :scopes, :rate_limit_per_s)
ON CONFLICT (digest) DO NOTHING
