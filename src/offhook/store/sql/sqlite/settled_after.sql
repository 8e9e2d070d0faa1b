SELECT json_group_array(json_array(webhook, position))
FROM (
    SELECT webhook, position FROM attempt INDEXED BY attempt_position
    WHERE partition = :partition
        AND position > :after
        AND accepted
        AND (:webhook IS NULL OR webhook = :webhook)
    UNION ALL
    SELECT webhook, position FROM pending INDEXED BY pending_position
    WHERE partition = :partition
        AND position > :after
        AND (:webhook IS NULL OR webhook = :webhook)
)
