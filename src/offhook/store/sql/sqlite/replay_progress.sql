UPDATE replay_range SET
    position = it.position, matched = it.matched, accepted = it.accepted, failed = it.failed,
    hurried = it.hurried, done = it.done, updated_ms = :now_ms
FROM (
    SELECT
        value ->> 0 AS replay, value ->> 1 AS position, value ->> 2 AS matched,
        value ->> 3 AS accepted, value ->> 4 AS failed, value ->> 5 AS hurried,
        value ->> 6 AS done
    FROM json_each(:progress)
) AS it
WHERE replay_range.replay = it.replay AND replay_range.partition = :partition
    AND replay_range.done = 0
