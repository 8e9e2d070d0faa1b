DELETE FROM receiver_lane WHERE lane = ANY ($1::text[]) AND NOT EXISTS (
    SELECT 1 FROM receiver_event WHERE receiver_event.lane = receiver_lane.lane AND state = 'waiting'
)
