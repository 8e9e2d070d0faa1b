SELECT
    head.account, head.key,
    head.last_id, head.last_type, head.last_sequence, head.last_position
FROM unnest(:accounts::text[], :keys::text[]) AS wanted (account, key)
JOIN key_head AS head ON head.account = wanted.account AND head.key = wanted.key
