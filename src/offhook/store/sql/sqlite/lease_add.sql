INSERT INTO lease (consumer, partition, owner, epoch, until_ms, cursor, takeovers)
VALUES (?, ?, NULL, 0, 0, 0, 0)
ON CONFLICT (consumer, partition) DO NOTHING
