SELECT document FROM resource
WHERE kind = :kind AND id = :id AND account = :account AND revision = :revision
