SELECT
    wanted.id, wanted.account, wanted.webhook, wanted.scope, wanted.since_ms, wanted.until_ms,
    wanted.types, wanted.rate_per_s, wanted.created_ms, wanted.canceled_ms, wanted.reason,
    stands.*
FROM (
    SELECT * FROM replay
    WHERE account = :account
        AND (:id::text IS NULL OR id = :id::text)
        AND (:webhook::text IS NULL OR webhook = :webhook::text)
        AND (:before::text IS NULL OR id < :before::text)
    ORDER BY id DESC
    LIMIT :limit::bigint
) AS wanted
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(matched), 0)::bigint AS matched,
        coalesce(sum(accepted), 0)::bigint AS accepted,
        coalesce(sum(failed), 0)::bigint AS failed,
        coalesce(sum(hurried), 0)::bigint AS hurried,
        coalesce(sum(position - from_position), 0)::bigint AS read,
        coalesce(sum(to_position - from_position), 0)::bigint AS positions,
        coalesce(bool_and(done), true) AS done,
        max(updated_ms) AS updated_ms
    FROM replay_range WHERE replay_range.replay = wanted.id
) AS stands
ORDER BY wanted.id DESC
