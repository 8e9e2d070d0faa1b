-- The webhook is gone: nobody has to see to its replays any more.
UPDATE replay_range SET done = 1 WHERE webhook = :webhook AND done = 0
