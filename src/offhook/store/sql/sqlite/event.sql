SELECT
    json_group_array(
        json_array(
            position, id, account, type, key, sequence, created_ms, test, historical,
            json(headers), length(data)
        )
    ),
    cast(group_concat(data, '') AS BLOB)
FROM (SELECT * FROM event WHERE account = :account AND id = :id LIMIT 1)
