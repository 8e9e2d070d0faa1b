-- Of some events of one partition, whatever their endpoints: found by position.
SELECT found.webhook, :partition::integer AS partition, found.position
FROM (
    SELECT standing.webhook, standing.position
    FROM unnest(:positions::bigint[]) AS wanted (position)
    CROSS JOIN LATERAL (
        SELECT pending.webhook, pending.position FROM pending
        WHERE pending.partition = :partition::integer AND pending.position = wanted.position
            AND pending.account = :account
            AND (:states::text[] IS NULL OR pending.state = ANY(:states::text[]))
            AND (:type::text IS NULL OR pending.event_type = :type::text)
        OFFSET 0
    ) AS standing
    UNION
    SELECT made.webhook, made.position
    FROM unnest(:positions::bigint[]) AS wanted (position)
    CROSS JOIN LATERAL (
        SELECT attempt.webhook, attempt.position FROM attempt
        WHERE :attempts::boolean
            AND attempt.partition = :partition::integer AND attempt.position = wanted.position
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
        OFFSET 0
    ) AS made
) AS found
WHERE (:webhook::text IS NULL OR found.webhook = :webhook::text)
    AND (found.position, :partition::integer, found.webhook)
    < (:before_position::bigint, :before_partition::integer, :before_webhook::text)
ORDER BY found.position DESC, found.webhook DESC
LIMIT :limit::bigint
