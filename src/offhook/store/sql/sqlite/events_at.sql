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
        event.position, event.id, event.account, event.type, event.key, event.sequence,
        event.created_ms, event.test, event.historical, event.headers, event.data
    FROM json_each(:positions) AS wanted
    CROSS JOIN event ON event.position = wanted.value
    UNION ALL
    SELECT kept.*
    FROM json_each(:positions) AS wanted
    CROSS JOIN event_kept AS kept ON kept.position = wanted.value
)
