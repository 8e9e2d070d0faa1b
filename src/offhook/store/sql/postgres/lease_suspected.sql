SELECT suspect FROM lease WHERE consumer = :consumer AND partition = :partition
