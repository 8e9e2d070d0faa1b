-- Rows of deliveries, the newest places of each look.
SELECT json_group_array(
    json_array(
        look.key,
        found.value ->> 0,
        json(iif(found.value ->> 1, 'true', 'false')),
        json(iif(found.key = :most - 1, 'true', 'false')),
        coalesce(
            (SELECT created_ms FROM event WHERE event.position = found.value ->> 0),
            (SELECT created_ms FROM event_kept WHERE event_kept.position = found.value ->> 0),
            found.value ->> 2
        )
    )
)
FROM json_each(:looks) AS look
CROSS JOIN resource ON resource.kind = 'webhook' AND resource.id = look.value ->> 0
CROSS JOIN json_each(
    (
        SELECT json_group_array(json_array(position, fits, made_ms))
        FROM (
            SELECT
                pending.position,
                pending.since_ms AS made_ms,
                pending.account = :account
                AND (:states IS NULL OR pending.state IN (SELECT value FROM json_each(:states)))
                AND (
                    :types IS NULL
                    OR pending.event_type IN (SELECT value FROM json_each(:types))
                    OR EXISTS (
                        SELECT 1 FROM json_each(:prefixes) AS prefix
                        WHERE substr(pending.event_type, 1, length(prefix.value)) = prefix.value
                    )
                ) AS fits
            FROM pending
            WHERE pending.webhook = look.value ->> 0
                AND pending.partition = look.value ->> 1
                AND pending.position > look.value ->> 2
                AND pending.position <= look.value ->> 3
            ORDER BY pending.position DESC
            LIMIT :most
        )
    )
) AS found
WHERE found.value ->> 1 OR found.key = :most - 1
