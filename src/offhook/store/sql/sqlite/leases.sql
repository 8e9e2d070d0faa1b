SELECT json_group_array(
    json_object(
        'partition', partition, 'owner', owner, 'epoch', epoch, 'until_ms', until_ms,
        'cursor', cursor, 'takeovers', takeovers
    )
)
FROM lease
WHERE consumer = :consumer
