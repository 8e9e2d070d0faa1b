SELECT count(*) FROM partition_head
