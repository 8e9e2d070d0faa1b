-- Read in the order of the log: by its index on (account, id), the whole account would be sorted.
SELECT
    json_group_array(
        json_array(
            position, id, account, type, key, sequence, created_ms, test, historical,
            json(headers), length(data)
        )
    ),
    cast(group_concat(data, '') AS BLOB)
FROM (
    SELECT * FROM event NOT INDEXED
    WHERE position > :after AND position <= :through
        AND account = :account
        AND (
            :types IS NULL
            OR event.type IN (SELECT value FROM json_each(:types))
            OR EXISTS (
                SELECT 1 FROM json_each(:prefixes) AS prefix
                WHERE substr(event.type, 1, length(prefix.value)) = prefix.value
            )
        )
    ORDER BY position
    LIMIT :limit
)
