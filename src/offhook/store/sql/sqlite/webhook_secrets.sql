SELECT
    json_group_array(
        json_object('text', secret, 'expires_ms', expires_ms)
        ORDER BY expires_ms DESC NULLS FIRST, created_ms DESC
    )
FROM webhook_secret
WHERE webhook = :webhook AND (expires_ms IS NULL OR expires_ms > :now_ms)
