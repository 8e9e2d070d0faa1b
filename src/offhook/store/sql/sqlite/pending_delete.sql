-- Some of the rows of a webhook that is not there any more.
DELETE FROM pending
WHERE (webhook, partition, position) IN (
    SELECT webhook, partition, position FROM pending WHERE webhook = :webhook LIMIT :limit
)
