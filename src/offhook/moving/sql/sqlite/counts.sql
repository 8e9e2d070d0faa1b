-- How much there is to do: the log, and all else that grows with it.
SELECT
    (SELECT count(*) FROM event),
    (SELECT count(*) FROM key_head)
    + (SELECT count(*) FROM event_kept)
    + (SELECT count(*) FROM call)
    + (SELECT count(*) FROM event_key)
    + (SELECT count(*) FROM timer)
    + (SELECT count(*) FROM pending)
    + (SELECT count(*) FROM attempt)
