SELECT json_group_array(json_array(webhook, position))
FROM (
    SELECT webhook, position FROM attempt INDEXED BY attempt_position
    WHERE partition = :partition
        AND (position, webhook) > (:position, :webhook)
        AND accepted
    UNION ALL
    SELECT webhook, position FROM pending INDEXED BY pending_position
    WHERE partition = :partition
        AND (position, webhook) > (:position, :webhook)
    ORDER BY position, webhook
    LIMIT :limit
)
