SELECT
    shown.id,
    shown.account,
    shown.document,
    ARRAY(
        SELECT secret FROM webhook_secret
        WHERE webhook = shown.id
            AND (expires_ms IS NULL OR expires_ms > (SELECT offhook_now(:now_ms::bigint)))
        ORDER BY expires_ms DESC NULLS FIRST, created_ms DESC
    ) AS secrets,
    ARRAY(
        SELECT expires_ms FROM webhook_secret
        WHERE webhook = shown.id
            AND (expires_ms IS NULL OR expires_ms > (SELECT offhook_now(:now_ms::bigint)))
        ORDER BY expires_ms DESC NULLS FIRST, created_ms DESC
    ) AS secrets_end_ms,
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
    (SELECT hash_key FROM account WHERE account.id = shown.account) AS hash_key,
    health.failures,
    health.failing_since_ms,
    health.last_failure_ms,
    health.last_success_ms,
    fault.errors AS filter_errors,
    fault.last_error AS filter_error,
    fault.last_event AS filter_event,
    fault.last_ms AS filter_ms
FROM (
    SELECT * FROM resource
    WHERE account = :account AND kind = 'webhook'
        AND (:before::text IS NULL OR id < :before::text)
        AND (:external_id::text IS NULL OR external_id = :external_id::text)
    ORDER BY id DESC
    LIMIT :limit
) AS shown
LEFT JOIN endpoint_health AS health ON health.webhook = shown.id
LEFT JOIN filter_fault AS fault ON fault.webhook = shown.id
ORDER BY shown.id DESC
