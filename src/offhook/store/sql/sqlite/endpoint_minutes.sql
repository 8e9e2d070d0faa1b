SELECT json_group_array(json_array(slot, class, bucket, attempts))
FROM (
    SELECT minute / :width AS slot, class, bucket, sum(attempts) AS attempts
    FROM endpoint_minute
    WHERE webhook = :webhook AND minute >= :since_minute
    GROUP BY minute / :width, class, bucket
)
