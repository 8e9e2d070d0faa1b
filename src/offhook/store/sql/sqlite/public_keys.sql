SELECT json_group_array(public_key) FROM (
    SELECT public_key FROM webhook_secret
    WHERE public_key IS NOT NULL AND (expires_ms IS NULL OR expires_ms > :now_ms)
    ORDER BY created_ms DESC
    LIMIT :limit
)
