-- All that is known of some deliveries whose event is there still: their rows, whether they were
-- accepted and by this replay, and the events.
SELECT
    own.webhook, own.partition, own.position, own.account, own.event_id, own.event_type, own.key,
    own.lane, own.state, own.number, own.due_ms, own.since_ms, own.failed_ms,
    own.late, own.replay, own.reason,
    coalesce(made.accepted, false) AS accepted,
    coalesce(made.accepted_here, false) AS accepted_here,
    found.*
FROM unnest(:positions::bigint[]) AS wanted (position)
LEFT JOIN LATERAL (
    SELECT * FROM pending
    WHERE pending.webhook = :webhook::text
        AND pending.partition = :partition::integer
        AND pending.position = wanted.position
    LIMIT 1
) AS own ON true
LEFT JOIN LATERAL (
    SELECT
        true AS accepted,
        bool_or(attempt.replay = :replay::text) AS accepted_here
    FROM attempt
    WHERE attempt.partition = :partition::integer
        AND attempt.position = wanted.position
        AND attempt.webhook = :webhook::text
        AND attempt.accepted
    HAVING count(*) > 0
) AS made ON true
CROSS JOIN LATERAL (
    (
        SELECT
            event.partition, event.position, event.id, event.account, event.type, event.key,
            event.sequence, event.created_ms, event.test, event.historical, event.headers,
            event.data
        FROM event
        WHERE event.partition = :partition::integer AND event.position = wanted.position
        ORDER BY event.created_ms DESC
        LIMIT 1
    )
    UNION ALL
    SELECT kept.* FROM event_kept AS kept
    WHERE kept.partition = :partition::integer AND kept.position = wanted.position
    LIMIT 1
) AS found
