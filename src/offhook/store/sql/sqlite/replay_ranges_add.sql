-- From where the webhook begins, unless events from before that were asked for.
INSERT INTO replay_range
    (replay, partition, webhook, from_position, position, to_position,
     matched, accepted, failed, hurried, done, updated_ms)
SELECT
    :replay, :partition, :webhook, began.position, began.position,
    max(began.position, :to_position), 0, 0, 0, 0, 0, :now_ms
FROM (
    SELECT
        max(
            :after,
            iif(
                :earlier, 0,
                coalesce(
                    (
                        SELECT position FROM webhook_start
                        WHERE webhook = :webhook AND partition = :partition
                    ), 0
                )
            )
        ) AS position
) AS began
