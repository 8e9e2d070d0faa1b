-- In order of arrival, which is the order of places; a repeat within the same commit is told apart by its id.
INSERT INTO receiver_event (id, lane, body)
SELECT id, lane, body FROM unnest($1::text[], $2::text[], $3::bytea[]) WITH ORDINALITY AS arrival (id, lane, body, number)
ORDER BY number
ON CONFLICT (id) DO NOTHING RETURNING id, lane
