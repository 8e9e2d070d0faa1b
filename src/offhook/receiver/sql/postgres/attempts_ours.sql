-- Which of these attempts are the last of their event, in a lane that is the holder's; the lanes are locked.
SELECT settled.id FROM unnest($2::text[], $3::integer[]) AS settled (id, attempt)
JOIN receiver_event AS event ON event.id = settled.id AND event.attempts = settled.attempt
JOIN receiver_lane AS lane ON lane.lane = event.lane
WHERE lane.holder = $1
