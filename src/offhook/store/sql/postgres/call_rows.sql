SELECT
    call.account, call.id,
    call.last_id, call.last_type, call.last_sequence, call.last_position, call.state
FROM unnest(:accounts::text[], :keys::text[]) AS wanted (account, id)
JOIN call ON call.account = wanted.account AND call.id = wanted.id
