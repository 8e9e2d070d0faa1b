SELECT
    account, key, partition, position, webhook, event_id, event_type,
    number, started_ms, duration_ms, accepted::integer, status, error, response,
    late::integer, replay, detail
FROM attempt
