-- The tables of days that may go: those that ended by a moment, and those that somebody began to take
-- out and was stopped. With the commands that do it, for names cannot be bound. Whatever is on its way
-- out comes first: until it is out, no other can begin.
WITH day AS MATERIALIZED (
    SELECT pg_class.oid, pg_class.relname::text AS name FROM pg_class
    WHERE pg_class.relnamespace = current_schema()::regnamespace
        AND pg_class.relkind = 'r'
        AND pg_class.relname ~ ('^' || :parent::text || '_[0-9]{8}$')
)
SELECT
    day.name,
    ended.at_ms AS end_ms,
    link.inhrelid IS NOT NULL AS attached,
    coalesce(link.inhdetachpending, false) AS detaching,
    format('ALTER TABLE %I DETACH PARTITION %I CONCURRENTLY', :parent::text, day.name) AS detach,
    format('ALTER TABLE %I DETACH PARTITION %I FINALIZE', :parent::text, day.name) AS finalize,
    format('DROP TABLE %I', day.name) AS discard
FROM day
LEFT JOIN pg_inherits AS link ON link.inhrelid = day.oid
CROSS JOIN LATERAL (
    SELECT (extract(epoch FROM to_date(right(day.name, 8), 'YYYYMMDD') + 1) * 1000)::bigint AS at_ms
) AS ended
WHERE ended.at_ms <= :before_ms::bigint OR link.inhrelid IS NULL OR link.inhdetachpending
ORDER BY detaching DESC, day.name
