SELECT json_group_array(
    json_object(
        'id', request.id,
        'kind', request.kind,
        'webhook', request.webhook,
        'partition', request.partition,
        'position', request.position,
        'row', iif(
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
        )
    )
)
FROM (
    SELECT * FROM dispatch_request WHERE partition = :partition ORDER BY id LIMIT :limit
) AS request
LEFT JOIN pending
    ON pending.webhook = request.webhook
    AND pending.partition = request.partition
    AND pending.position = request.position
