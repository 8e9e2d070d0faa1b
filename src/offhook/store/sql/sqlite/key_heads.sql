SELECT json_group_array(
    json_array(
        head.account, head.key,
        head.last_id, head.last_type, head.last_sequence, head.last_position
    )
)
FROM json_each(:keys) AS wanted
CROSS JOIN key_head AS head
    ON head.account = wanted.value ->> 0 AND head.key = wanted.value ->> 1
