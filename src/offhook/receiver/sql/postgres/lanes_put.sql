-- Writing what stands there anyway locks a lane that exists: whoever is about to remove it as empty has to
-- look again once this has committed.
INSERT INTO receiver_lane (lane)
SELECT lane FROM unnest($1::text[]) AS put (lane) ORDER BY lane
ON CONFLICT (lane) DO UPDATE SET holder = receiver_lane.holder
