SELECT id, document FROM resource WHERE kind = :kind
