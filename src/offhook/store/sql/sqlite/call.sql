SELECT cast('[' || coalesce(group_concat(state, ','), '') || ']' AS BLOB)
FROM call
WHERE account = :account AND id = :id
