-- A row for a delivery that has none.
INSERT INTO pending (
    webhook, partition, position, account, event_id, event_type, key, state, number, since_ms, reason
)
VALUES (
    :webhook, :partition, :position, :account, :event_id, :event_type, :key, :state, :number,
    :since_ms, :reason
)
ON CONFLICT DO NOTHING
