SELECT account, key, partition, event_id, type, test::integer, data
FROM announcement
