DELETE FROM resource
WHERE kind = :kind AND id = :id AND account = :account
    AND (:revision IS NULL OR revision = :revision)
