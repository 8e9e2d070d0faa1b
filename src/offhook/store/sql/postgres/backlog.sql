SELECT
    (
        SELECT count(*) FROM (
            SELECT 1 FROM pending
            WHERE webhook = :webhook AND (state = ANY ('{retry,waiting}')) IS TRUE
            LIMIT :most::integer
        ) AS live
    ),
    (
        SELECT min(coalesce(
            (
                SELECT created_ms FROM event
                WHERE partition = number.partition AND position = first.position
            ),
            (
                SELECT created_ms FROM event_kept
                WHERE partition = number.partition AND position = first.position
            )
        ))
        FROM generate_series(0, :partitions::integer - 1) AS number (partition)
        CROSS JOIN LATERAL (
            SELECT position FROM pending
            WHERE webhook = :webhook AND partition = number.partition
                AND (state = ANY ('{retry,waiting}')) IS TRUE
            ORDER BY position
            LIMIT 1
        ) AS first
    ),
    count(*),
    min(first.created_ms)
FROM held
LEFT JOIN LATERAL (
    SELECT created_ms FROM event
    WHERE partition = held.partition AND position >= held.from_position
    ORDER BY position
    LIMIT 1
) AS first ON true
WHERE held.webhook = :webhook AND held.partition < :partitions::integer
