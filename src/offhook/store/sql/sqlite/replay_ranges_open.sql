SELECT json_group_array(
    json_object(
        'job', json_object(
            'id', replay.id, 'account', replay.account, 'webhook', replay.webhook,
            'scope', replay.scope, 'since_ms', replay.since_ms, 'until_ms', replay.until_ms,
            'types', json(replay.types), 'rate_per_s', replay.rate_per_s,
            'created_ms', replay.created_ms
        ),
        'partition', replay_range.partition,
        'position', replay_range.position,
        'to_position', replay_range.to_position,
        'counts', json_object(
            'matched', matched, 'accepted', accepted, 'failed', failed, 'hurried', hurried
        ),
        'canceled', json(iif(replay.canceled_ms IS NULL, 'false', 'true')),
        'ranges', 1
    )
    ORDER BY replay.id
)
FROM replay_range
CROSS JOIN replay ON replay.id = replay_range.replay
WHERE replay_range.partition = :partition AND replay_range.done = 0
