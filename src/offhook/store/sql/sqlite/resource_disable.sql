UPDATE resource
SET document = json_set(document, '$.enabled', json('false')),
    disabled_reason = :reason, revision = revision + 1, updated_ms = :now_ms
WHERE kind = :kind AND id = :id AND revision = :revision AND coalesce(document ->> 'enabled', 1)
RETURNING account, document ->> 'url'
