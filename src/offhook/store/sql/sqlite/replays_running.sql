SELECT count(DISTINCT replay_range.replay) FROM replay_range
CROSS JOIN replay ON replay.id = replay_range.replay
WHERE replay_range.webhook = :webhook AND replay_range.done = 0 AND replay.canceled_ms IS NULL
