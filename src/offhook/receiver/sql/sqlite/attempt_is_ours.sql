SELECT EXISTS (
    SELECT 1 FROM receiver_event AS event JOIN receiver_lane AS lane ON lane.lane = event.lane
    WHERE event.id = :id AND event.attempts = :attempt AND lane.holder = :holder
)
