SELECT
    replay, partition, from_position, position, to_position,
    matched, accepted, failed, hurried, webhook, done, updated_ms
FROM replay_range
