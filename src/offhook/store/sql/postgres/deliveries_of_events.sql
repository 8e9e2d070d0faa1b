-- Those that have a row or an attempt, whatever their endpoints: found by position.
SELECT standing.webhook, standing.position
FROM unnest(:positions::bigint[]) AS wanted (position)
CROSS JOIN LATERAL (
    SELECT pending.webhook, pending.position FROM pending
    WHERE pending.partition = :partition::integer AND pending.position = wanted.position
        AND pending.account = :account
        AND EXISTS (
            SELECT 1 FROM resource WHERE kind = 'webhook' AND id = pending.webhook OFFSET 0
        )
    OFFSET 0
) AS standing
UNION
SELECT made.webhook, made.position
FROM unnest(:positions::bigint[]) AS wanted (position)
CROSS JOIN LATERAL (
    SELECT attempt.webhook, attempt.position FROM attempt
    WHERE attempt.partition = :partition::integer AND attempt.position = wanted.position
        AND attempt.account = :account
    OFFSET 0
) AS made
