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
            event.position, event.id, event.account, event.type, event.key, event.sequence,
            event.created_ms, event.test, event.historical, json(event.headers), length(event.data)
        )
    ),
    cast(group_concat(event.data, '') AS BLOB)
FROM json_each(:deliveries) AS due
CROSS JOIN pending
    ON pending.webhook = due.value ->> 0
    AND pending.partition = due.value ->> 1
    AND pending.position = due.value ->> 2
CROSS JOIN event ON event.position = pending.position
