SELECT due.account, due.key, due.kind
FROM unnest(:partitions::integer[]) AS wanted (partition)
CROSS JOIN LATERAL (
    SELECT timer.account, timer.key, timer.kind, timer.due_ms FROM timer
    WHERE timer.partition = wanted.partition
        AND timer.due_ms <= (SELECT offhook_now(:now_ms::bigint))
    ORDER BY timer.due_ms
    LIMIT :limit::bigint
) AS due
ORDER BY due.due_ms
LIMIT :limit::bigint
