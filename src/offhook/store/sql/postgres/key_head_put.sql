INSERT INTO key_head (account, key, last_id, last_type, last_sequence, last_position)
SELECT * FROM unnest(
    :accounts::text[], :keys::text[], :last_ids::text[], :last_types::text[],
    :last_sequences::bigint[], :last_positions::bigint[]
)
ON CONFLICT (account, key) DO UPDATE SET
    last_id = excluded.last_id,
    last_type = excluded.last_type,
    last_sequence = excluded.last_sequence,
    last_position = excluded.last_position
