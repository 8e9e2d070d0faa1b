SELECT settled.webhook, settled.position
FROM unnest(:webhooks::text[], :from_positions::bigint[]) AS held (webhook, from_position)
CROSS JOIN LATERAL (
    SELECT webhook, position FROM attempt
    WHERE attempt.webhook = held.webhook
        AND partition = :partition
        AND position >= held.from_position
        AND position <= :cursor
        AND accepted
    UNION ALL
    SELECT webhook, position FROM pending
    WHERE pending.webhook = held.webhook
        AND partition = :partition
        AND position >= held.from_position
        AND position <= :cursor
) AS settled
