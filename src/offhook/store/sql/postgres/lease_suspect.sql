UPDATE lease SET suspect = :position::bigint
WHERE consumer = :consumer AND partition = :partition AND epoch = :epoch AND owner IS NOT NULL
