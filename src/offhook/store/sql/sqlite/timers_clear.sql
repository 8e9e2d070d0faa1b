DELETE FROM timer
WHERE (account, key, kind) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:timers))
