SELECT webhook, position FROM attempt
WHERE partition = :partition
    AND position > :after
    AND accepted
    AND (:webhook::text IS NULL OR webhook = :webhook::text)
UNION ALL
SELECT webhook, position FROM pending
WHERE partition = :partition
    AND position > :after
    AND (:webhook::text IS NULL OR webhook = :webhook::text)
