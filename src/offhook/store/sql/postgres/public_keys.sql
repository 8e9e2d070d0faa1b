SELECT public_key FROM webhook_secret
WHERE public_key IS NOT NULL
    AND (expires_ms IS NULL OR expires_ms > (SELECT offhook_now(:now_ms::bigint)))
ORDER BY created_ms DESC
LIMIT :limit::bigint
