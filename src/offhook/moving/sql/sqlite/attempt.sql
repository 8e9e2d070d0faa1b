SELECT
    account, key, partition, position, webhook, event_id, event_type,
    number, started_ms, duration_ms, accepted, status, error, response,
    late, replay, detail
FROM attempt
