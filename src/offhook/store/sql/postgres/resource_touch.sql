UPDATE resource
SET revision = revision + 1, updated_ms = offhook_now(:now_ms::bigint)
WHERE kind = :kind AND id = :id AND account = :account AND revision = :revision
