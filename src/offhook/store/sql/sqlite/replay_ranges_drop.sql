DELETE FROM replay_range WHERE replay IN (SELECT value FROM json_each(:replays))
