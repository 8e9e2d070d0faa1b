SELECT
    account, id, last_position, last_id, last_type, last_sequence,
    started_ms, contact_number, duplicate, test, repeat_caller, status,
    outcome, campaign_id, buyer_id, caller_id, state
FROM call
