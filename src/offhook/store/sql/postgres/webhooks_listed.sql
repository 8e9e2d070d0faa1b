SELECT
    id, account, document,
    ARRAY(
        SELECT secret FROM webhook_secret
        WHERE webhook = listed.id
            AND (expires_ms IS NULL OR expires_ms > offhook_now(:now_ms::bigint))
        ORDER BY created_ms DESC
    ) AS secrets,
    ARRAY(
        SELECT partition FROM webhook_start WHERE webhook = listed.id ORDER BY partition
    ) AS partitions,
    ARRAY(
        SELECT position FROM webhook_start WHERE webhook = listed.id ORDER BY partition
    ) AS positions,
    revision, created_ms, updated_ms, disabled_reason
FROM (
    SELECT * FROM resource
    WHERE account = :account AND kind = 'webhook' AND (:before::text IS NULL OR id < :before::text)
    ORDER BY id DESC
    LIMIT :limit
) AS listed
ORDER BY id DESC
