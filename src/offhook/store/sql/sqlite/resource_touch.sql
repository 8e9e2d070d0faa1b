UPDATE resource
SET revision = revision + 1, updated_ms = :now_ms
WHERE kind = :kind AND id = :id AND account = :account AND revision = :revision
