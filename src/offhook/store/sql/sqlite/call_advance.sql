-- As call_put for rows whose indexed columns stay as they are: naming those here would have SQLite
-- delete and insert each index entry anew.
INSERT INTO call
    (number, account, id, started_ms, contact_number, duplicate, test, repeat_caller,
     status, outcome, campaign_id, buyer_id, caller_id,
     last_id, last_type, last_sequence, last_position, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (number) DO UPDATE SET
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
