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
    SELECT * FROM announcement WHERE partition = :partition ORDER BY id LIMIT :limit
)
