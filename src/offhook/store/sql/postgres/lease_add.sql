INSERT INTO lease (consumer, partition, owner, epoch, until_ms, cursor, takeovers)
SELECT :consumer, head.partition, NULL, 0, 0, 0, 0 FROM partition_head AS head
ON CONFLICT (consumer, partition) DO NOTHING
