INSERT INTO api_key (digest, id, account, test, scopes)
VALUES (:digest, :id, :account, :test, :scopes)
ON CONFLICT (digest) DO NOTHING
