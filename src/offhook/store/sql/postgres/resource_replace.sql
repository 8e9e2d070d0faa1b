UPDATE resource
SET document = :document::text, external_id = :document::text::jsonb ->> 'external_id',
    revision = revision + 1, updated_ms = offhook_now(:now_ms::bigint), disabled_reason = NULL
WHERE kind = :kind AND id = :id AND account = :account AND revision = :revision
