-- In ascending order, like the owners that carry them out.
DELETE FROM dispatch_request
WHERE id = ANY(
    ARRAY(SELECT id FROM dispatch_request WHERE webhook = :webhook ORDER BY id FOR UPDATE)
)
