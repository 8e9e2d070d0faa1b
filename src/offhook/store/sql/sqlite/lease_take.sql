UPDATE lease
SET owner = :owner, epoch = :epoch, until_ms = :until_ms, takeovers = :takeovers
WHERE consumer = :consumer AND partition = :partition
