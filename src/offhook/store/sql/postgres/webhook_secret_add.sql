INSERT INTO webhook_secret (webhook, created_ms, secret)
VALUES (:webhook, offhook_now(:now_ms::bigint), :secret)
