INSERT INTO webhook_secret (webhook, created_ms, secret, expires_ms, public_key)
VALUES (
    :webhook, offhook_now(:now_ms::bigint), :secret, :expires_ms::bigint, :public_key::text
)
