SELECT
    shown.id,
    shown.account,
    shown.document,
    ARRAY(
        SELECT secret FROM webhook_secret
        WHERE webhook = shown.id
            AND (expires_ms IS NULL OR expires_ms > (SELECT offhook_now(:now_ms::bigint)))
        ORDER BY created_ms DESC
    ) AS secrets,
    ARRAY(
        SELECT partition FROM webhook_start WHERE webhook = shown.id ORDER BY partition
    ) AS partitions,
    ARRAY(
        SELECT position FROM webhook_start WHERE webhook = shown.id ORDER BY partition
    ) AS positions,
    shown.revision,
    shown.created_ms,
    shown.updated_ms,
    shown.disabled_reason,
    health.failures,
    health.failing_since_ms,
    health.last_failure_ms,
    health.last_success_ms
FROM resource AS shown
LEFT JOIN endpoint_health AS health ON health.webhook = shown.id
WHERE shown.kind = 'webhook' AND shown.id = :id AND shown.account = :account
