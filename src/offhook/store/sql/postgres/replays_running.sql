SELECT count(DISTINCT replay_range.replay) FROM replay_range
CROSS JOIN replay
WHERE replay_range.webhook = :webhook AND NOT replay_range.done
    AND replay.id = replay_range.replay AND replay.canceled_ms IS NULL
