SELECT json_group_array(json_object('account', account, 'key', key, 'kind', kind))
FROM (
    SELECT account, key, kind FROM timer
    WHERE due_ms <= :now_ms
    ORDER BY due_ms
    LIMIT :limit
)
