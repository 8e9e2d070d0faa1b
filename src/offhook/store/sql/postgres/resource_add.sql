INSERT INTO resource
    (account, kind, id, revision, external_id, document, created_ms, updated_ms)
SELECT
    :account::text, :kind::text, :id::text, 1, :document::text::jsonb ->> 'external_id',
    :document::text, moment.now_ms, moment.now_ms
FROM offhook_now(:now_ms::bigint) AS moment (now_ms)
