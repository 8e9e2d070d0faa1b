-- Which of these ids are taken: by a caller's event, else by one of our own making.
SELECT taken.account, taken.id, taken.digest, taken.event_id, taken.type, taken.key, taken.sequence
FROM unnest(:accounts::text[], :ids::text[]) AS wanted (account, id)
JOIN event_key AS taken ON taken.account = wanted.account AND taken.id = wanted.id
UNION ALL
SELECT event.account, event.id, NULL, event.id, event.type, event.key, event.sequence
FROM unnest(:accounts::text[], :ids::text[]) AS wanted (account, id)
CROSS JOIN LATERAL (
    SELECT own.account, own.id, own.type, own.key, own.sequence FROM event AS own
    WHERE own.account = wanted.account AND own.id = wanted.id
    LIMIT 1
) AS event
WHERE NOT EXISTS (
    SELECT 1 FROM event_key AS own WHERE own.account = wanted.account AND own.id = wanted.id
)
