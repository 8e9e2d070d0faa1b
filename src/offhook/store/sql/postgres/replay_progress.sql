UPDATE replay_range SET
    position = it.position, matched = it.matched, accepted = it.accepted, failed = it.failed,
    hurried = it.hurried, done = it.done, updated_ms = :now_ms::bigint
FROM unnest(
    :replays::text[], :partitions::integer[], :positions::bigint[], :matched::bigint[],
    :accepted::bigint[], :failed::bigint[], :hurried::bigint[], :done::boolean[]
) AS it (replay, partition, position, matched, accepted, failed, hurried, done)
WHERE replay_range.replay = it.replay AND replay_range.partition = it.partition
    AND NOT replay_range.done
