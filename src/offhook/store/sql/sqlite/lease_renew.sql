UPDATE lease SET until_ms = :until_ms
WHERE consumer = :consumer AND partition = :partition AND owner = :owner AND epoch = :epoch
