DELETE FROM held
WHERE partition = :partition AND webhook IN (SELECT value FROM json_each(:webhooks))
