-- Of these, the events that no row of a delivery names any more.
DELETE FROM event_kept
WHERE (partition, position) > (:partition::integer, :after::bigint)
    AND (partition, position) <= (:last_partition::integer, :through::bigint)
    AND NOT EXISTS (
        SELECT 1 FROM pending
        WHERE pending.partition = event_kept.partition AND pending.position = event_kept.position
        OFFSET 0
    )
