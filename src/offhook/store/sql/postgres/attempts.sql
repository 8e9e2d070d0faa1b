SELECT
    webhook, partition, position, account, event_id, event_type, key,
    number, started_ms, duration_ms, accepted, status, error, response,
    late, replay, detail
FROM attempt
WHERE webhook = :webhook AND partition = :partition AND position = :position
    AND account = :account
    AND (started_ms, number) < (:before_ms::bigint, :before_number::integer)
ORDER BY started_ms DESC, number DESC
LIMIT :limit::bigint
