SELECT account, key, partition, event_id, type, test, data
FROM announcement
