-- Ask for another attempt of rows, but for those that it was asked for already: of what was given
-- up, and of what is not due yet. How many there are, up to one more than are asked for. Where events
-- stood that went from the log says nothing of when they were made: what is kept of them does.
WITH
    wanted AS (
        SELECT standing.* FROM resource AS webhook
        CROSS JOIN unnest(:partitions::integer[], :after::bigint[], :through::bigint[])
            AS part (partition, after, through)
        JOIN partition_head AS head ON head.partition = part.partition
        CROSS JOIN LATERAL (
            SELECT pending.webhook, pending.partition, pending.position FROM pending
            WHERE pending.webhook = webhook.id
                AND pending.partition = part.partition
                AND pending.position > part.after
                AND pending.position <= part.through
                AND pending.state = ANY(:states::text[])
                AND (
                    pending.due_ms IS NULL
                    OR pending.due_ms > (SELECT offhook_now(:now_ms::bigint))
                )
                AND (:type::text IS NULL OR pending.event_type = :type::text)
                AND (
                    :prefix::text IS NULL OR starts_with(pending.event_type, :prefix::text)
                )
                AND (:event::text IS NULL OR pending.event_id = :event::text)
                AND (:key::text IS NULL OR pending.key = :key::text)
                AND NOT EXISTS (
                    SELECT 1 FROM dispatch_request AS request
                    WHERE request.webhook = pending.webhook
                        AND request.partition = pending.partition
                        AND request.position = pending.position
                    OFFSET 0
                )
                AND (
                    coalesce(:since_ms::bigint, :until_ms::bigint) IS NULL
                    OR pending.position > head.trimmed_position AND pending.position > 0
                    OR EXISTS (
                        SELECT 1 FROM event_kept AS kept
                        WHERE kept.partition = pending.partition
                            AND kept.position = pending.position
                            AND kept.created_ms >= coalesce(:since_ms::bigint, kept.created_ms)
                            AND kept.created_ms < coalesce(:until_ms::bigint, kept.created_ms + 1)
                        OFFSET 0
                    )
                )
                AND (
                    pending.replay IS NULL
                    OR NOT EXISTS (
                        SELECT 1 FROM attempt
                        WHERE attempt.partition = pending.partition
                            AND attempt.position = pending.position
                            AND attempt.webhook = pending.webhook
                            AND attempt.accepted
                        OFFSET 0
                    )
                )
            ORDER BY pending.position
            LIMIT :limit::bigint + 1
        ) AS standing
        WHERE webhook.kind = 'webhook'
            AND webhook.account = :account
            AND (:webhook::text IS NULL OR webhook.id = :webhook::text)
            AND coalesce((webhook.document::jsonb ->> 'enabled')::boolean, true)
        LIMIT :limit::bigint + 1
    ),
    asked AS (
        INSERT INTO dispatch_request (kind, webhook, partition, position)
        SELECT :kind::text, webhook, partition, position FROM wanted
        LIMIT :limit::bigint
    )
SELECT count(*) FROM wanted
