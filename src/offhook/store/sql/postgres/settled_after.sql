SELECT webhook, position FROM attempt
WHERE partition = :partition AND position > :cursor AND accepted
UNION ALL
SELECT webhook, position FROM pending
WHERE partition = :partition AND position > :cursor
