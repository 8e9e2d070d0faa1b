UPDATE lease SET owner = NULL, until_ms = 0
WHERE consumer = :consumer AND partition = :partition AND owner = :owner AND epoch = :epoch
