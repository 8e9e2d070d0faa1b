SELECT min(next.due_ms)
FROM unnest(:partitions::integer[]) AS wanted (partition)
CROSS JOIN LATERAL (
    SELECT min(timer.due_ms) AS due_ms FROM timer WHERE timer.partition = wanted.partition
) AS next
