-- All that is known of some deliveries, in the order asked for.
SELECT
    wanted.webhook,
    wanted.partition,
    wanted.position,
    coalesce(own.account, standing.account, latest.account) AS account,
    coalesce(own.id, standing.event_id, latest.event_id) AS event_id,
    coalesce(own.type, standing.event_type, latest.event_type) AS event_type,
    coalesce(own.key, standing.key, latest.key) AS key,
    standing.state,
    standing.due_ms,
    standing.reason,
    standing.replay,
    coalesce(
        own.created_ms,
        (
            SELECT kept.created_ms FROM event_kept AS kept
            WHERE kept.partition = wanted.partition AND kept.position = wanted.position
        )
    ) AS created_ms,
    coalesce(:account = webhook.account OR :account = latest.account, false) AS known,
    coalesce(
        webhook.enabled
        AND wanted.position > start.position
        AND (
            coalesce(wanted.position >= held.from_position, false)
            OR wanted.position > coalesce(lease.cursor, 0)
        ),
        false
    ) AS ahead,
    coalesce(latest.attempts, 0) AS attempts,
    coalesce(latest.ever_accepted, false) AS ever_accepted,
    latest.webhook AS latest_webhook,
    latest.partition AS latest_partition,
    latest.position AS latest_position,
    latest.account AS latest_account,
    latest.event_id AS latest_event_id,
    latest.event_type AS latest_event_type,
    latest.key AS latest_key,
    latest.number AS latest_number,
    latest.started_ms AS latest_started_ms,
    latest.duration_ms AS latest_duration_ms,
    latest.accepted AS latest_accepted,
    latest.status AS latest_status,
    latest.error AS latest_error,
    latest.response AS latest_response,
    latest.late AS latest_late,
    latest.replay AS latest_replay,
    latest.detail AS latest_detail
FROM unnest(:webhooks::text[], :partitions::integer[], :positions::bigint[]) WITH ORDINALITY
    AS wanted (webhook, partition, position, place)
LEFT JOIN LATERAL (
    SELECT
        resource.id,
        resource.account,
        coalesce((resource.document::jsonb ->> 'enabled')::boolean, true) AS enabled
    FROM resource
    WHERE resource.kind = 'webhook' AND resource.id = wanted.webhook
    LIMIT 1
) AS webhook ON true
LEFT JOIN LATERAL (
    SELECT * FROM pending
    WHERE pending.webhook = webhook.id
        AND pending.partition = wanted.partition
        AND pending.position = wanted.position
    LIMIT 1
) AS standing ON true
LEFT JOIN LATERAL (
    SELECT
        attempt.*,
        count(*) OVER () AS attempts,
        bool_or(attempt.accepted) OVER () AS ever_accepted
    FROM attempt
    WHERE attempt.webhook = wanted.webhook
        AND attempt.partition = wanted.partition
        AND attempt.position = wanted.position
    ORDER BY attempt.started_ms DESC, attempt.number DESC
    LIMIT 1
) AS latest ON true
LEFT JOIN LATERAL (
    SELECT event.account, event.id, event.type, event.key, event.created_ms FROM event
    WHERE event.partition = wanted.partition AND event.position = wanted.position
    ORDER BY event.created_ms DESC
    LIMIT 1
) AS own ON true
LEFT JOIN webhook_start AS start
    ON start.webhook = wanted.webhook AND start.partition = wanted.partition
LEFT JOIN held ON held.partition = wanted.partition AND held.webhook = wanted.webhook
LEFT JOIN lease ON lease.consumer = :consumer AND lease.partition = wanted.partition
ORDER BY wanted.place
