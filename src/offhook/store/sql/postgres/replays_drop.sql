DELETE FROM replay WHERE id = ANY(:replays::text[])
