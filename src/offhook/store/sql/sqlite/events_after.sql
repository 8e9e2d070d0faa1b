SELECT
    json_group_array(
        json_array(
            position, id, account, type, key, sequence, created_ms, test, historical,
            json(headers), length(data)
        )
    ),
    cast(group_concat(data, '') AS BLOB),
    (SELECT coalesce(sum(config_version), 0) FROM account)
FROM (SELECT * FROM event WHERE position > :after ORDER BY position LIMIT :limit)
