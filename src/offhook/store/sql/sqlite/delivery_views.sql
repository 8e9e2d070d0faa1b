SELECT json_group_array(
    json_object(
        'webhook', wanted.webhook,
        'partition', wanted.partition,
        'position', wanted.position,
        'account', coalesce(event.account, pending.account, latest.account),
        'event_id', coalesce(event.id, pending.event_id, latest.event_id),
        'event_type', coalesce(event.type, pending.event_type, latest.event_type),
        'key', coalesce(event.key, pending.key, latest.key),
        'state', pending.state,
        'due_ms', pending.due_ms,
        'reason', pending.reason,
        'replay', pending.replay,
        'created_ms', coalesce(event.created_ms, kept.created_ms),
        'known', json(iif(:account IN (resource.account, latest.account), 'true', 'false')),
        'ahead', json(
            iif(
                coalesce(resource.document ->> 'enabled', 1)
                AND wanted.position > start.position
                AND (
                    wanted.position >= held.from_position
                    OR wanted.position > coalesce(lease.cursor, 0)
                ),
                'true', 'false'
            )
        ),
        'attempts', (
            SELECT count(*) FROM attempt INDEXED BY attempt_webhook
            WHERE attempt.webhook = wanted.webhook
                AND attempt.partition = wanted.partition
                AND attempt.position = wanted.position
        ),
        'accepted', json(
            iif(
                EXISTS (
                    SELECT 1 FROM attempt INDEXED BY attempt_position
                    WHERE attempt.partition = wanted.partition
                        AND attempt.position = wanted.position
                        AND attempt.webhook = wanted.webhook
                        AND attempt.accepted
                ),
                'true', 'false'
            )
        ),
        'latest', json(
            (
                SELECT json_object(
                    'webhook', webhook,
                    'partition', partition,
                    'position', position,
                    'account', account,
                    'event_id', event_id,
                    'event_type', event_type,
                    'key', key,
                    'number', number,
                    'started_ms', started_ms,
                    'duration_ms', duration_ms,
                    'accepted', json(iif(accepted, 'true', 'false')),
                    'status', status,
                    'error', error,
                    'response', hex(response),
                    'late', json(iif(late, 'true', 'false')),
                    'replay', replay,
                    'detail', hex(detail)
                )
                FROM attempt AS shown WHERE shown.id = latest.id
            )
        )
    )
)
FROM (
    SELECT value ->> 0 AS webhook, value ->> 1 AS partition, value ->> 2 AS position
    FROM json_each(:deliveries)
) AS wanted
LEFT JOIN resource ON resource.kind = 'webhook' AND resource.id = wanted.webhook
LEFT JOIN pending
    ON pending.webhook = resource.id
    AND pending.partition = wanted.partition
    AND pending.position = wanted.position
LEFT JOIN attempt AS latest
    ON latest.id = (
        SELECT max(id) FROM attempt INDEXED BY attempt_webhook
        WHERE attempt.webhook = wanted.webhook
            AND attempt.partition = wanted.partition
            AND attempt.position = wanted.position
    )
LEFT JOIN event ON event.position = wanted.position
LEFT JOIN event_kept AS kept ON event.position IS NULL AND kept.position = wanted.position
LEFT JOIN webhook_start AS start
    ON start.webhook = wanted.webhook AND start.partition = wanted.partition
LEFT JOIN held ON held.partition = wanted.partition AND held.webhook = wanted.webhook
LEFT JOIN lease ON lease.consumer = :consumer AND lease.partition = wanted.partition
