INSERT INTO resource (account, kind, id, revision, document, created_ms, updated_ms)
VALUES (:account, :kind, :id, 1, :document, :now_ms, :now_ms)
