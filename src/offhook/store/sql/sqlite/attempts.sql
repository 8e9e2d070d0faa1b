SELECT json_group_array(
    json_object(
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
)
FROM (
    SELECT * FROM attempt INDEXED BY attempt_webhook
    WHERE webhook = :webhook
        AND partition = :partition
        AND position = :position
        AND account = :account
        AND (started_ms, number) < (:before_ms, :before_number)
    ORDER BY started_ms DESC, number DESC
    LIMIT :limit
)
