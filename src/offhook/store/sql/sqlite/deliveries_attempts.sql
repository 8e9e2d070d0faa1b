-- Deliveries that were tried, the newest places of each look. ``accepted`` asks for those that were
-- and have no live row, or for those that never were and have none.
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
CROSS JOIN json_each(
    (
        SELECT json_group_array(json_array(position, fits, made_ms))
        FROM (
            SELECT
                attempt.position,
                min(attempt.started_ms) AS made_ms,
                max(
                    attempt.account = :account
                    AND (
                        :types IS NULL
                        OR attempt.event_type IN (SELECT value FROM json_each(:types))
                        OR EXISTS (
                            SELECT 1 FROM json_each(:prefixes) AS prefix
                            WHERE substr(attempt.event_type, 1, length(prefix.value)) = prefix.value
                        )
                    )
                )
                AND (
                    :accepted IS NULL
                    OR (
                        max(attempt.accepted) = :accepted
                        AND NOT EXISTS (
                            SELECT 1 FROM pending
                            WHERE pending.webhook = attempt.webhook
                                AND pending.partition = attempt.partition
                                AND pending.position = attempt.position
                                AND (pending.replay IS NULL OR NOT :accepted)
                                AND EXISTS (
                                    SELECT 1 FROM resource
                                    WHERE kind = 'webhook' AND id = pending.webhook
                                )
                        )
                    )
                ) AS fits
            FROM attempt INDEXED BY attempt_webhook
            WHERE attempt.webhook = look.value ->> 0
                AND attempt.partition = look.value ->> 1
                AND attempt.position > look.value ->> 2
                AND attempt.position <= look.value ->> 3
            GROUP BY attempt.position
            ORDER BY attempt.position DESC
            LIMIT :most
        )
    )
) AS found
WHERE found.value ->> 1 OR found.key = :most - 1
