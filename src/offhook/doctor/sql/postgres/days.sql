-- The tables of today and of some days to come that are not there.
SELECT name
FROM unnest(ARRAY['event', 'attempt']) AS parent
CROSS JOIN generate_series(0, $1::integer) AS ahead
CROSS JOIN LATERAL (
    SELECT parent || to_char(
        (clock_timestamp() + make_interval(days => ahead)) AT TIME ZONE 'UTC', '"_"YYYYMMDD'
    ) AS name
) AS named
WHERE to_regclass(name) IS NULL
ORDER BY ahead, parent
