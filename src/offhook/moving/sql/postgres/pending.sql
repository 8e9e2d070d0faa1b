SELECT
    account, key, partition, position, webhook, event_id, event_type,
    lane, state, number, due_ms, since_ms, failed_ms, late, replay, reason
FROM pending
