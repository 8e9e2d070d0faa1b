-- The first position whose event was created at a moment or after it, else the one after the last:
-- a search by halves, since created never goes back. An index would be paid for by every append.
WITH RECURSIVE
    span (low, high) AS (
        SELECT 1, coalesce(max(position), 0) + 1 FROM event
        UNION ALL
        SELECT
            iif(
                (
                    SELECT created_ms FROM event
                    WHERE position >= (low + high) / 2
                    ORDER BY position
                    LIMIT 1
                ) < :created_ms,
                (low + high) / 2 + 1,
                low
            ),
            iif(
                (
                    SELECT created_ms FROM event
                    WHERE position >= (low + high) / 2
                    ORDER BY position
                    LIMIT 1
                ) < :created_ms,
                high,
                (low + high) / 2
            )
        FROM span
        WHERE low < high
    )
SELECT low FROM span WHERE low = high
