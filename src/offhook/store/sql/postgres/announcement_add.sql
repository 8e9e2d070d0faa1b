INSERT INTO announcement (partition, account, event_id, type, key, test, data)
SELECT * FROM unnest(
    :partitions::integer[], :accounts::text[], :event_ids::text[], :types::text[], :keys::text[],
    :tests::boolean[], :data::bytea[]
)
