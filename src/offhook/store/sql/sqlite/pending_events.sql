-- An event that has gone from the log is kept for the sake of rows that name it.
SELECT
    json_group_array(
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
    json_group_array(
        json_array(
            pending.position,
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
FROM json_each(:deliveries) AS due
CROSS JOIN pending
    ON pending.webhook = due.value ->> 0
    AND pending.partition = due.value ->> 1
    AND pending.position = due.value ->> 2
LEFT JOIN event ON event.position = pending.position
LEFT JOIN event_kept AS kept ON event.position IS NULL AND kept.position = pending.position
WHERE event.position IS NOT NULL OR kept.position IS NOT NULL
