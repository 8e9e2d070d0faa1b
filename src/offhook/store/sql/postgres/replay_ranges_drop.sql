DELETE FROM replay_range WHERE replay = ANY(:replays::text[])
