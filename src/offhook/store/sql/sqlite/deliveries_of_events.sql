-- Of some events, whatever their endpoints: found by position.
SELECT json_group_array(json_array(webhook, partition, position))
FROM (
    SELECT webhook, partition, position FROM (
        SELECT pending.webhook, pending.partition, pending.position
        FROM json_each(:positions) AS wanted
        CROSS JOIN pending INDEXED BY pending_position
            ON pending.partition = :partition AND pending.position = wanted.value
        WHERE pending.account = :account
            AND (:states IS NULL OR pending.state IN (SELECT value FROM json_each(:states)))
            AND (:type IS NULL OR pending.event_type = :type)
        UNION
        SELECT attempt.webhook, attempt.partition, attempt.position
        FROM json_each(:positions) AS wanted
        CROSS JOIN attempt INDEXED BY attempt_position
            ON attempt.partition = :partition AND attempt.position = wanted.value
        WHERE :attempts AND attempt.account = :account
            AND (:type IS NULL OR attempt.event_type = :type)
            AND (
                :accepted IS NULL
                OR (
                    attempt.accepted = :accepted
                    AND NOT EXISTS (
                        SELECT 1 FROM pending
                        WHERE pending.webhook = attempt.webhook
                            AND pending.partition = attempt.partition
                            AND pending.position = attempt.position
                            AND (pending.replay IS NULL OR NOT :accepted)
                    )
                    AND (
                        :accepted
                        OR NOT EXISTS (
                            SELECT 1 FROM attempt AS other INDEXED BY attempt_position
                            WHERE other.partition = attempt.partition
                                AND other.position = attempt.position
                                AND other.webhook = attempt.webhook
                                AND other.accepted
                        )
                    )
                )
            )
    )
    WHERE (:webhook IS NULL OR webhook = :webhook)
        AND (position, partition, webhook) < (:before_position, :before_partition, :before_webhook)
    ORDER BY position DESC, partition DESC, webhook DESC
    LIMIT :limit
)
