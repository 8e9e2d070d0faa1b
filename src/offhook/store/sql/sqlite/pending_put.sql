INSERT INTO pending
    (webhook, partition, position, account, event_id, event_type, key, lane,
     state, number, due_ms, since_ms, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (webhook, partition, position) DO UPDATE SET
    lane = excluded.lane,
    state = excluded.state,
    number = excluded.number,
    due_ms = excluded.due_ms,
    since_ms = excluded.since_ms,
    reason = excluded.reason
