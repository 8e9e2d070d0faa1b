SELECT json_group_array(
    json_object(
        'job', json_object(
            'id', id, 'account', account, 'webhook', webhook, 'scope', scope,
            'since_ms', since_ms, 'until_ms', until_ms, 'types', json(types),
            'rate_per_s', rate_per_s, 'created_ms', created_ms
        ),
        'canceled_ms', canceled_ms,
        'reason', reason,
        'stands', json(
            (
                SELECT json_array(
                    total(matched), total(accepted), total(failed), total(hurried),
                    total(position - from_position), total(to_position - from_position),
                    coalesce(min(done), 1), max(updated_ms)
                )
                FROM replay_range WHERE replay_range.replay = wanted.id
            )
        )
    )
)
FROM (
    SELECT * FROM replay
    WHERE account = :account
        AND (:id IS NULL OR id = :id)
        AND (:webhook IS NULL OR webhook = :webhook)
        AND (:before IS NULL OR id < :before)
    ORDER BY id DESC
    LIMIT :limit
) AS wanted
