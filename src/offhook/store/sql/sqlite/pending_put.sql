INSERT INTO pending
    (webhook, partition, position, account, event_id, event_type, key, lane,
     state, number, due_ms, since_ms, failed_ms, late, replay, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (webhook, partition, position) DO UPDATE SET
    lane = excluded.lane,
    state = excluded.state,
    number = excluded.number,
    due_ms = excluded.due_ms,
    since_ms = excluded.since_ms,
    failed_ms = excluded.failed_ms,
    late = excluded.late,
    replay = excluded.replay,
    reason = excluded.reason
