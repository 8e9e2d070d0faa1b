UPDATE resource
SET document = :document, external_id = :document ->> 'external_id', revision = revision + 1,
    updated_ms = :now_ms, disabled_reason = NULL
WHERE kind = :kind AND id = :id AND account = :account AND revision = :revision
