INSERT INTO webhook_secret (webhook, created_ms, secret) VALUES (:webhook, :now_ms, :secret)
