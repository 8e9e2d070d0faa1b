-- From where the webhook begins, unless events from before that were asked for. What was trimmed from
-- a log that was moved here stands at negative positions, and may have rows.
INSERT INTO replay_range
    (replay, partition, webhook, from_position, position, to_position,
     matched, accepted, failed, hurried, done, updated_ms)
SELECT
    :replay::text, began.partition, :webhook::text, began.position, began.position,
    greatest(began.position, began.to_position), 0, 0, 0, 0, false, :now_ms::bigint
FROM (
    SELECT
        part.partition, part.to_position,
        least(
            greatest(
                part.after,
                CASE WHEN :earlier::boolean THEN 0 ELSE coalesce(start.position, 0) END
            ),
            (
                SELECT pending.position - 1 FROM pending
                WHERE pending.webhook = :webhook::text
                    AND pending.partition = part.partition
                    AND pending.position <= 0 AND part.after = 0
                ORDER BY pending.position
                LIMIT 1
            )
        ) AS position
    FROM unnest(:partitions::integer[], :after::bigint[], :to_positions::bigint[])
        AS part (partition, after, to_position)
    LEFT JOIN webhook_start AS start
        ON start.webhook = :webhook::text AND start.partition = part.partition
) AS began
