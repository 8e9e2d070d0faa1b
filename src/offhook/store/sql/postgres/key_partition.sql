-- The partition of an event that is its own key.
SELECT partition FROM event WHERE account = :account AND id = :key AND key = :key LIMIT 1
