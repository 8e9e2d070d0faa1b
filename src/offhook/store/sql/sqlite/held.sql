SELECT json_group_array(
    json_object('webhook', webhook, 'partition', partition, 'from_position', from_position)
)
FROM held
WHERE partition = :partition
