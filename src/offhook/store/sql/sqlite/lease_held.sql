SELECT 1 FROM lease
WHERE consumer = :consumer AND partition = :partition AND owner = :owner AND epoch = :epoch
