-- From the log, else from what is kept of it for the sake of rows that name it.
SELECT
    json_group_array(
        json_array(
            position, id, account, type, key, sequence, created_ms, test, historical,
            json(headers), length(data)
        )
    ),
    cast(group_concat(data, '') AS BLOB)
FROM (
    SELECT
        position, id, account, type, key, sequence, created_ms, test, historical, headers, data
    FROM event
    WHERE account = :account AND id = :id
    UNION ALL
    SELECT * FROM event_kept WHERE account = :account AND id = :id
    LIMIT 1
)
