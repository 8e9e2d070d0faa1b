SELECT made.position
FROM unnest(:positions::bigint[]) AS wanted (position)
CROSS JOIN LATERAL (
    SELECT attempt.position FROM attempt
    WHERE attempt.partition = :partition::integer
        AND attempt.position = wanted.position
        AND attempt.webhook = :webhook::text
        AND attempt.accepted
    LIMIT 1
) AS made
