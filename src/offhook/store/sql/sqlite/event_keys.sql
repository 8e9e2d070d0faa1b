SELECT json_group_array(json_array(account, id, digest, event_id, type, key, sequence))
FROM (
    SELECT
        taken.account, taken.id, hex(taken.digest) AS digest,
        taken.event_id, taken.type, taken.key, taken.sequence
    FROM json_each(:ids) AS wanted
    CROSS JOIN event_key AS taken
        ON taken.account = wanted.value ->> 0 AND taken.id = wanted.value ->> 1
    UNION ALL
    SELECT event.account, event.id, NULL, event.id, event.type, event.key, event.sequence
    FROM json_each(:ids) AS wanted
    CROSS JOIN event ON event.account = wanted.value ->> 0 AND event.id = wanted.value ->> 1
    WHERE NOT EXISTS (
        SELECT 1 FROM event_key AS own WHERE own.account = event.account AND own.id = event.id
    )
)
