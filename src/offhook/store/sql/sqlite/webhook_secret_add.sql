INSERT INTO webhook_secret (webhook, created_ms, secret, expires_ms, public_key)
VALUES (:webhook, :now_ms, :secret, :expires_ms, :public_key)
