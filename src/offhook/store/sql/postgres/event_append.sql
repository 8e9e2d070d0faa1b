INSERT INTO event
    (partition, position, id, account, type, key, sequence, created_ms, test, historical,
     previous, headers, data)
SELECT * FROM unnest(
    :partitions::integer[], :positions::bigint[], :ids::text[], :accounts::text[], :types::text[],
    :keys::text[], :sequences::bigint[], :created_ms::bigint[], :tests::boolean[],
    :historicals::boolean[], :previous::bigint[], :headers::text[], :data::bytea[]
)
