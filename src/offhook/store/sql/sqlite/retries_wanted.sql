-- Rows that another attempt may be asked for, but for those that it was asked for already: what was
-- given up, and what is not due yet. Where events stood that went from the log says nothing of when
-- they were made: what is kept of them does.
SELECT json_group_array(json_array(webhook, partition, position))
FROM (
    SELECT pending.webhook, pending.partition, pending.position FROM resource
    CROSS JOIN pending ON pending.webhook = resource.id AND pending.partition = :partition
    WHERE resource.kind = 'webhook'
        AND resource.account = :account
        AND (:webhook IS NULL OR resource.id = :webhook)
        AND coalesce(resource.document ->> 'enabled', 1)
        AND pending.position > :after
        AND pending.position <= :through
        AND pending.state IN (SELECT value FROM json_each(:states))
        AND (pending.due_ms IS NULL OR pending.due_ms > :now_ms)
        AND (:type IS NULL OR pending.event_type = :type)
        AND (:prefix IS NULL OR substr(pending.event_type, 1, length(:prefix)) = :prefix)
        AND (:event IS NULL OR pending.event_id = :event)
        AND (:key IS NULL OR pending.key = :key)
        AND NOT EXISTS (
            SELECT 1 FROM dispatch_request AS request
            WHERE request.webhook = pending.webhook
                AND request.partition = pending.partition
                AND request.position = pending.position
        )
        AND (
            coalesce(:since_ms, :until_ms) IS NULL
            OR pending.position > coalesce(
                (SELECT trimmed_position FROM partition_head WHERE partition = pending.partition), 0
            )
            OR EXISTS (
                SELECT 1 FROM event_kept AS kept
                WHERE kept.position = pending.position
                    AND (:since_ms IS NULL OR kept.created_ms >= :since_ms)
                    AND (:until_ms IS NULL OR kept.created_ms < :until_ms)
            )
        )
        AND (
            pending.replay IS NULL
            OR NOT EXISTS (
                SELECT 1 FROM attempt INDEXED BY attempt_position
                WHERE attempt.partition = pending.partition
                    AND attempt.position = pending.position
                    AND attempt.webhook = pending.webhook
                    AND attempt.accepted
            )
        )
    LIMIT :limit
)
