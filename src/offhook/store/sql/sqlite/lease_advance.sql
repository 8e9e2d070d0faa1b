UPDATE lease SET cursor = :cursor, takeovers = 0, suspect = NULL
WHERE consumer = :consumer AND partition = :partition AND cursor < :cursor
