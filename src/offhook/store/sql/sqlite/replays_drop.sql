DELETE FROM replay WHERE id IN (SELECT value FROM json_each(:replays))
