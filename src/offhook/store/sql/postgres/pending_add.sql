-- A row for a delivery that has none.
INSERT INTO pending (
    webhook, partition, position, account, event_id, event_type, key, state, number, since_ms, reason
)
VALUES (
    :webhook::text, :partition::integer, :position::bigint, :account::text, :event_id::text,
    :event_type::text, :key::text, :state::text, :number::integer, :since_ms::bigint, :reason::text
)
ON CONFLICT DO NOTHING
