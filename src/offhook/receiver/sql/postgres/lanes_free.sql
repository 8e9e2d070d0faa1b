UPDATE receiver_lane SET due_at = now() + freed.delay_s * interval '1 second', holder = NULL
FROM unnest($1::text[], $2::float8[]) AS freed (lane, delay_s)
WHERE receiver_lane.lane = freed.lane
