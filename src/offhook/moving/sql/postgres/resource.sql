SELECT
    account, kind, id, revision, external_id, document,
    disabled_reason, created_ms, updated_ms
FROM resource
