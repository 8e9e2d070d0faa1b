-- Of each partition that somebody reads, who has the most left to read, and up to where that reader
-- has passed it. Timers have leases too, and read no log.
SELECT DISTINCT ON (partition) partition, reader, position
FROM (
    SELECT partition, consumer AS reader, cursor AS position FROM lease
    WHERE consumer != :timers
    UNION ALL
    SELECT partition, webhook, from_position - 1 FROM held
    UNION ALL
    SELECT partition, replay, position FROM replay_range WHERE NOT done
) AS place
ORDER BY partition, position
