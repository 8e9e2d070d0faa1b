INSERT INTO call
    (account, id, started_ms, contact_number, duplicate, test, repeat_caller,
     status, outcome, campaign_id, buyer_id, caller_id,
     last_id, last_type, last_sequence, last_position, state)
SELECT * FROM unnest(
    :accounts::text[], :ids::text[], :started_ms::bigint[], :contact_numbers::text[],
    :duplicates::boolean[], :tests::boolean[], :repeat_callers::boolean[], :statuses::text[],
    :outcomes::text[], :campaign_ids::text[], :buyer_ids::text[], :caller_ids::text[],
    :last_ids::text[], :last_types::text[], :last_sequences::bigint[], :last_positions::bigint[],
    :states::bytea[]
)
ON CONFLICT (account, id) DO UPDATE SET
    started_ms = excluded.started_ms,
    contact_number = excluded.contact_number,
    duplicate = excluded.duplicate,
    test = excluded.test,
    repeat_caller = excluded.repeat_caller,
    status = excluded.status,
    outcome = excluded.outcome,
    campaign_id = excluded.campaign_id,
    buyer_id = excluded.buyer_id,
    caller_id = excluded.caller_id,
    last_id = excluded.last_id,
    last_type = excluded.last_type,
    last_sequence = excluded.last_sequence,
    last_position = excluded.last_position,
    state = excluded.state
