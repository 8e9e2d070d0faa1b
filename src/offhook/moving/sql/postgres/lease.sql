SELECT consumer, partition, cursor, epoch, until_ms, takeovers FROM lease
