INSERT INTO attempt
    (webhook, partition, position, account, event_id, event_type, key,
     number, started_ms, duration_ms, accepted, status, error, response, late, replay, detail)
SELECT * FROM unnest(
    :webhooks::text[], :partitions::integer[], :positions::bigint[], :accounts::text[],
    :event_ids::text[], :event_types::text[], :keys::text[], :numbers::integer[],
    :started_ms::bigint[], :duration_ms::double precision[], :accepted::boolean[],
    :statuses::integer[], :errors::text[], :responses::bytea[],
    :late::boolean[], :replays::text[], :details::bytea[]
)
