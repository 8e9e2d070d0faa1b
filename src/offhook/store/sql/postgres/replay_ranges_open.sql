SELECT
    job.id, job.account, job.webhook, job.scope, job.since_ms, job.until_ms, job.types,
    job.rate_per_s, job.created_ms,
    part.partition, part.position, part.to_position,
    part.matched, part.accepted, part.failed, part.hurried,
    job.canceled_ms IS NOT NULL AS canceled,
    (
        SELECT count(*) FROM replay_range AS other
        WHERE other.replay = part.replay AND NOT other.done
    ) AS ranges
FROM unnest(:asked::integer[]) AS wanted (partition)
CROSS JOIN LATERAL (
    SELECT * FROM replay_range
    WHERE replay_range.partition = wanted.partition AND NOT replay_range.done
    OFFSET 0
) AS part
CROSS JOIN LATERAL (SELECT * FROM replay WHERE replay.id = part.replay LIMIT 1) AS job
ORDER BY job.id
