-- Asks about the same endpoints run one after the other, also where there is no row yet to lock; in
-- ascending order, so that no two wait for each other. What waited is read by the next statement.
SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.endpoint_share'), place)
FROM (
    SELECT DISTINCT hashtext(webhook) & 63 AS place FROM unnest(:webhooks::text[]) AS webhook
    ORDER BY place
) AS wanted
