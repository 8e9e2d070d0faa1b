INSERT INTO resource
    (account, kind, id, revision, external_id, document, created_ms, updated_ms)
VALUES (:account, :kind, :id, 1, :document ->> 'external_id', :document, :now_ms, :now_ms)
