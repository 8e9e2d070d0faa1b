SELECT partition, position
FROM (
    SELECT partition, position FROM event_kept
    WHERE (partition, position) > (:partition::integer, :after::bigint)
    ORDER BY partition, position
    LIMIT :limit::bigint
) AS next
ORDER BY partition DESC, position DESC
LIMIT 1
