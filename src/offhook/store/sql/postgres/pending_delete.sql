-- Some of the rows of a webhook that is not there any more.
DELETE FROM pending
USING (
    SELECT own.webhook, own.partition, own.position FROM pending AS own
    WHERE own.webhook = :webhook
    ORDER BY own.partition, own.position
    LIMIT :limit::bigint
    FOR UPDATE SKIP LOCKED
) AS gone
WHERE pending.webhook = gone.webhook
    AND pending.partition = gone.partition
    AND pending.position = gone.position
