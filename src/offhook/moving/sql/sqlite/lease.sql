SELECT consumer, partition, cursor, 0, 0, 0 FROM lease
