-- The webhook is gone: nobody has to see to its replays any more.
UPDATE replay_range SET done = true WHERE webhook = :webhook AND NOT done
