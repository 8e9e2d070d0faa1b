DELETE FROM resource
WHERE kind = :kind AND id = :id AND account = :account
    AND (:revision::bigint IS NULL OR revision = :revision::bigint)
