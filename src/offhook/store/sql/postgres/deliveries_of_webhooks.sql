-- Of some endpoints, whatever the events: the newest of each endpoint in each partition, then the
-- newest of these. What is asked of a row in a subquery ends in OFFSET 0: it is asked row by row,
-- never of the whole table at once.
SELECT found.webhook, found.partition, found.position
FROM (
    SELECT
        endpoint.webhook, part.partition, part.after,
        least(
            part.through,
            :before_position::bigint - (
                (part.partition, endpoint.webhook)
                >= (:before_partition::integer, :before_webhook::text COLLATE "C")
            )::integer
        ) AS last_position
    FROM unnest(:webhooks::text[]) AS endpoint (webhook)
    CROSS JOIN unnest(:partitions::integer[], :after::bigint[], :through::bigint[])
        AS part (partition, after, through)
) AS place
CROSS JOIN LATERAL (
    (
        SELECT pending.webhook, pending.partition, pending.position FROM pending
        WHERE pending.webhook = place.webhook
            AND pending.partition = place.partition
            AND pending.position <= place.last_position
            AND pending.position > place.after
            AND pending.account = :account
            AND (:states::text[] IS NULL OR pending.state = ANY(:states::text[]))
            AND (:type::text IS NULL OR pending.event_type = :type::text)
        ORDER BY pending.position DESC
        LIMIT :limit::bigint
    )
    UNION
    (
        SELECT DISTINCT attempt.webhook, attempt.partition, attempt.position FROM attempt
        WHERE :attempts::boolean
            AND attempt.webhook = place.webhook
            AND attempt.partition = place.partition
            AND attempt.position <= place.last_position
            AND attempt.position > place.after
            AND attempt.account = :account
            AND (:type::text IS NULL OR attempt.event_type = :type::text)
            AND (
                :accepted::boolean IS NULL
                OR (
                    attempt.accepted = :accepted::boolean
                    AND NOT EXISTS (
                        SELECT 1 FROM pending
                        WHERE pending.webhook = attempt.webhook
                            AND pending.partition = attempt.partition
                            AND pending.position = attempt.position
                            AND (pending.replay IS NULL OR NOT :accepted::boolean)
                        OFFSET 0
                    )
                    AND (
                        :accepted::boolean
                        OR NOT EXISTS (
                            SELECT 1 FROM attempt AS other
                            WHERE other.partition = attempt.partition
                                AND other.position = attempt.position
                                AND other.webhook = attempt.webhook
                                AND other.accepted
                            OFFSET 0
                        )
                    )
                )
            )
        ORDER BY attempt.position DESC
        LIMIT :limit::bigint
    )
) AS found
ORDER BY found.position DESC, found.partition DESC, found.webhook DESC
LIMIT :limit::bigint
