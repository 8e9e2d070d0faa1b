-- Rows with their events, in the order asked for. The event is looked for in the newest table first,
-- and, once it has gone from the log, among those that are kept for the sake of rows.
SELECT
    own.webhook, own.partition, own.position, own.account, own.event_id, own.event_type, own.key,
    own.lane, own.state, own.number, own.due_ms, own.since_ms, own.failed_ms,
    own.late, own.replay, own.reason,
    found.*
FROM unnest(:webhooks::text[], :partitions::integer[], :positions::bigint[]) WITH ORDINALITY
    AS due (webhook, partition, position, place)
CROSS JOIN LATERAL (
    SELECT * FROM pending
    WHERE pending.webhook = due.webhook
        AND pending.partition = due.partition
        AND pending.position = due.position
    LIMIT 1
) AS own
CROSS JOIN LATERAL (
    (
        SELECT
            event.partition, event.position, event.id, event.account, event.type, event.key,
            event.sequence, event.created_ms, event.test, event.historical, event.headers,
            event.data
        FROM event
        WHERE event.partition = due.partition AND event.position = due.position
        ORDER BY event.created_ms DESC
        LIMIT 1
    )
    UNION ALL
    SELECT kept.* FROM event_kept AS kept
    WHERE kept.partition = due.partition AND kept.position = due.position
    LIMIT 1
) AS found
ORDER BY due.place
