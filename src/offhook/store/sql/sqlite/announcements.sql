SELECT json_group_array(
    json_array(
        id,
        json_object(
            'partition', partition, 'account', account, 'event_id', event_id, 'type', type,
            'key', key, 'test', json(iif(test, 'true', 'false')), 'data', hex(data)
        )
    )
)
FROM (
    SELECT announcement.*
    FROM json_each(:partitions) AS wanted
    CROSS JOIN announcement ON announcement.partition = wanted.value
    ORDER BY announcement.id
    LIMIT :limit
)
