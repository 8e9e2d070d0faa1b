-- Of some endpoints, whatever the events: the newest of each, then the newest of these.
SELECT json_group_array(json_array(webhook, :partition, position))
FROM (
    SELECT webhook, position FROM (
        SELECT wanted.value AS webhook, found.value AS position
        FROM json_each(:webhooks) AS wanted
        CROSS JOIN json_each(
            (
                SELECT json_group_array(position) FROM (
                    SELECT position FROM pending
                    WHERE pending.webhook = wanted.value
                        AND pending.partition = :partition
                        AND pending.position <= :before_position
                        AND pending.position > :after
                        AND pending.account = :account
                        AND (
                            :states IS NULL
                            OR pending.state IN (SELECT value FROM json_each(:states))
                        )
                        AND (:type IS NULL OR pending.event_type = :type)
                    ORDER BY position DESC
                    LIMIT :limit + 1
                )
            )
        ) AS found
        UNION
        SELECT wanted.value AS webhook, found.value AS position
        FROM json_each(:webhooks) AS wanted
        CROSS JOIN json_each(
            (
                SELECT json_group_array(position) FROM (
                    SELECT DISTINCT position FROM attempt INDEXED BY attempt_webhook
                    WHERE :attempts
                        AND attempt.webhook = wanted.value
                        AND attempt.partition = :partition
                        AND attempt.position <= :before_position
                        AND attempt.position > :after
                        AND attempt.account = :account
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
                    ORDER BY position DESC
                    LIMIT :limit + 1
                )
            )
        ) AS found
    )
    WHERE (position, :partition, webhook) < (:before_position, :before_partition, :before_webhook)
    ORDER BY position DESC, webhook DESC
    LIMIT :limit
)
