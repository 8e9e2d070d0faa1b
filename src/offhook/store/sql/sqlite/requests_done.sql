DELETE FROM dispatch_request WHERE id IN (SELECT value FROM json_each(:ids))
