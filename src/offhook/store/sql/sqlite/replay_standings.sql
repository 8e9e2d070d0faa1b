-- All that is known of some deliveries whose event is there still: their rows, whether they were
-- accepted and by this replay, and the events.
SELECT
    json_group_array(
        json_array(
            iif(
                pending.webhook IS NULL,
                NULL,
                json_object(
                    'webhook', pending.webhook, 'partition', pending.partition,
                    'position', pending.position,
                    'account', pending.account, 'event_id', pending.event_id,
                    'event_type', pending.event_type, 'key', pending.key, 'lane', pending.lane,
                    'state', pending.state, 'number', pending.number, 'due_ms', pending.due_ms,
                    'since_ms', pending.since_ms,
                    'failed_ms', pending.failed_ms, 'late', pending.late,
                    'replay', pending.replay, 'reason', pending.reason
                )
            ),
            json(
                iif(
                    EXISTS (
                        SELECT 1 FROM attempt INDEXED BY attempt_position
                        WHERE attempt.partition = :partition
                            AND attempt.position = wanted.value
                            AND attempt.webhook = :webhook
                            AND attempt.accepted
                    ), 'true', 'false'
                )
            ),
            json(
                iif(
                    EXISTS (
                        SELECT 1 FROM attempt INDEXED BY attempt_position
                        WHERE attempt.partition = :partition
                            AND attempt.position = wanted.value
                            AND attempt.webhook = :webhook
                            AND attempt.accepted
                            AND attempt.replay = :replay
                    ), 'true', 'false'
                )
            )
        )
    ),
    json_group_array(
        json_array(
            wanted.value,
            coalesce(event.id, kept.id),
            coalesce(event.account, kept.account),
            coalesce(event.type, kept.type),
            coalesce(event.key, kept.key),
            coalesce(event.sequence, kept.sequence),
            coalesce(event.created_ms, kept.created_ms),
            coalesce(event.test, kept.test),
            coalesce(event.historical, kept.historical),
            json(coalesce(event.headers, kept.headers)),
            length(coalesce(event.data, kept.data))
        )
    ),
    cast(group_concat(coalesce(event.data, kept.data), '') AS BLOB)
FROM json_each(:positions) AS wanted
LEFT JOIN pending
    ON pending.webhook = :webhook
    AND pending.partition = :partition
    AND pending.position = wanted.value
LEFT JOIN event ON event.position = wanted.value
LEFT JOIN event_kept AS kept ON event.position IS NULL AND kept.position = wanted.value
WHERE event.position IS NOT NULL OR kept.position IS NOT NULL
