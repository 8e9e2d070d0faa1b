UPDATE receiver_lane SET due_at = now() + $3 * interval '1 second'
WHERE lane IN (SELECT lane FROM receiver_lane WHERE lane = ANY ($2::text[]) AND holder = $1 ORDER BY lane FOR UPDATE)
