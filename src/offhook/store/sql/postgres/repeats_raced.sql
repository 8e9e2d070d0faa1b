-- Two calls of one contact, appended at the same moment to different partitions, each as the first:
-- the later one is looked at again. Asked after the commit: who commits last sees both.
-- Before a first ANALYZE, the planner would look for a call's id through all of the account's
-- contacts if it could do that by an index alone: read apart, the call is looked for by its id.
WITH own AS MATERIALIZED (
    SELECT
        call.account, call.id, call.contact_number, call.started_ms,
        call.duplicate, call.test, call.repeat_caller
    FROM unnest(:accounts::text[], :ids::text[]) AS mine (account, id)
    JOIN call ON call.account = mine.account AND call.id = mine.id
)
SELECT later.account, later.id
FROM own
CROSS JOIN LATERAL (
    SELECT other.account, other.id, other.started_ms FROM call AS other
    WHERE other.account = own.account
        AND other.contact_number = own.contact_number
        AND other.started_ms >= own.started_ms - :window_ms::bigint
        AND other.started_ms <= own.started_ms + :window_ms::bigint
        AND other.id <> own.id
        AND NOT other.duplicate AND NOT other.test
        AND NOT other.repeat_caller
) AS other
CROSS JOIN LATERAL (
    SELECT it.account, it.id
    FROM (VALUES
        (own.account, own.id, own.started_ms), (other.account, other.id, other.started_ms)
    ) AS it (account, id, started_ms)
    ORDER BY it.started_ms DESC
    LIMIT 1
) AS later
WHERE own.contact_number IS NOT NULL
    AND NOT own.duplicate AND NOT own.test AND NOT own.repeat_caller
    AND own.started_ms <> other.started_ms
