UPDATE resource
SET document = jsonb_set(document::jsonb, '{enabled}', 'false')::text,
    disabled_reason = :reason, revision = revision + 1,
    updated_ms = offhook_now(:now_ms::bigint)
WHERE kind = :kind AND id = :id AND revision = :revision
    AND coalesce((document::jsonb ->> 'enabled')::boolean, true)
RETURNING account, document::jsonb ->> 'url' AS url
