INSERT INTO pending
    (webhook, partition, position, account, event_id, event_type, key, lane,
     state, number, due_ms, since_ms, failed_ms, late, replay, reason)
SELECT * FROM unnest(
    :webhooks::text[], :partitions::integer[], :positions::bigint[], :accounts::text[],
    :event_ids::text[], :event_types::text[], :keys::text[], :lanes::text[], :states::text[],
    :numbers::integer[], :due_ms::bigint[], :since_ms::bigint[],
    :failed_ms::bigint[], :late::text[], :replays::text[], :reasons::text[]
)
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
