INSERT INTO event
    (position, id, account, type, key, sequence, created_ms, test, historical,
     previous, headers, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
