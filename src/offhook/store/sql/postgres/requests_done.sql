-- In ascending order, like whoever deletes all of a webhook's.
DELETE FROM dispatch_request
WHERE id = ANY(
    ARRAY(
        SELECT id FROM dispatch_request WHERE id = ANY(:ids::bigint[]) ORDER BY id FOR UPDATE
    )
)
