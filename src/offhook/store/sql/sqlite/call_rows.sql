SELECT
    json_group_array(
        json_array(
            call.account, call.id, call.number,
            call.last_id, call.last_type, call.last_sequence, call.last_position
        )
    ),
    cast('[' || coalesce(group_concat(call.state, ','), '') || ']' AS BLOB)
FROM json_each(:keys) AS wanted
CROSS JOIN call ON call.account = wanted.value ->> 0 AND call.id = wanted.value ->> 1
