-- With the stamp of the configuration in the same snapshot, also where there are no webhooks.
SELECT version.stamp, found.*
FROM (SELECT coalesce(sum(config_version), 0)::bigint AS stamp FROM account) AS version
LEFT JOIN LATERAL (
    SELECT
        id, account, document,
        ARRAY(
            SELECT secret FROM webhook_secret
            WHERE webhook = resource.id
                AND (expires_ms IS NULL OR expires_ms > (SELECT offhook_now(:now_ms::bigint)))
            ORDER BY expires_ms DESC NULLS FIRST, created_ms DESC
        ) AS secrets,
        ARRAY(
            SELECT expires_ms FROM webhook_secret
            WHERE webhook = resource.id
                AND (expires_ms IS NULL OR expires_ms > (SELECT offhook_now(:now_ms::bigint)))
            ORDER BY expires_ms DESC NULLS FIRST, created_ms DESC
        ) AS secrets_end_ms,
        ARRAY(
            SELECT partition FROM webhook_start WHERE webhook = resource.id ORDER BY partition
        ) AS partitions,
        ARRAY(
            SELECT position FROM webhook_start WHERE webhook = resource.id ORDER BY partition
        ) AS positions,
        revision, created_ms, updated_ms, disabled_reason,
        (SELECT hash_key FROM account WHERE account.id = resource.account) AS hash_key
    FROM resource
    WHERE kind = 'webhook' AND coalesce((document::jsonb ->> 'enabled')::boolean, true)
) AS found ON true
