SELECT position FROM event_kept
WHERE account = :account AND key = :key AND partition = :partition::integer
