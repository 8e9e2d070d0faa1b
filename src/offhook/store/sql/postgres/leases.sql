SELECT
    partition, owner, epoch, until_ms, cursor, takeovers,
    offhook_now(:now_ms::bigint) AS now_ms
FROM lease
WHERE consumer = :consumer
ORDER BY partition
