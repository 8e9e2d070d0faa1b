SELECT
    id, account, document,
    ARRAY(
        SELECT secret FROM webhook_secret
        WHERE webhook = resource.id
            AND (expires_ms IS NULL OR expires_ms > offhook_now(:now_ms::bigint))
        ORDER BY created_ms DESC
    ) AS secrets,
    ARRAY(
        SELECT partition FROM webhook_start WHERE webhook = resource.id ORDER BY partition
    ) AS partitions,
    ARRAY(
        SELECT position FROM webhook_start WHERE webhook = resource.id ORDER BY partition
    ) AS positions,
    revision, created_ms, updated_ms, disabled_reason
FROM resource
WHERE kind = 'webhook' AND id = :id AND account = :account
