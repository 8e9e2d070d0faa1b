-- Who has the most left to read of the log, and up to where that reader has passed it. Timers have
-- leases too, and read no log.
SELECT reader, min(position)
FROM (
    SELECT consumer AS reader, cursor AS position FROM lease
    WHERE partition = :partition AND consumer != :timers
    UNION ALL
    SELECT webhook, from_position - 1 FROM held WHERE partition = :partition
    UNION ALL
    SELECT replay, position FROM replay_range WHERE partition = :partition AND done = 0
)
