-- The first attempt that was started at a moment or after it, else the one after the last: a search
-- by halves, near enough, since attempts are written soon after they are made.
WITH RECURSIVE
    span (low, high) AS (
        SELECT 1, coalesce(max(id), 0) + 1 FROM attempt
        UNION ALL
        SELECT
            iif(
                (SELECT started_ms FROM attempt WHERE id >= (low + high) / 2 ORDER BY id LIMIT 1)
                < :started_ms,
                (low + high) / 2 + 1,
                low
            ),
            iif(
                (SELECT started_ms FROM attempt WHERE id >= (low + high) / 2 ORDER BY id LIMIT 1)
                < :started_ms,
                high,
                (low + high) / 2
            )
        FROM span
        WHERE low < high
    )
SELECT low FROM span WHERE low = high
