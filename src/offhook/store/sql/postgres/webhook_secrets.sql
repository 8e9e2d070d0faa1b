SELECT secret, expires_ms FROM webhook_secret
WHERE webhook = :webhook AND (expires_ms IS NULL OR expires_ms > :now_ms::bigint)
ORDER BY expires_ms DESC NULLS FIRST, created_ms DESC
