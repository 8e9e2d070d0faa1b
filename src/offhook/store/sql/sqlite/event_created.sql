SELECT created_ms FROM event WHERE position = :position
