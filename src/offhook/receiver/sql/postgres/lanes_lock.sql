-- By name, as everybody locks them: nobody waits in a circle.
SELECT lane, holder FROM receiver_lane WHERE lane = ANY ($1::text[]) ORDER BY lane FOR UPDATE
