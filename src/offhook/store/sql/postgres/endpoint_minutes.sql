SELECT minute / :width::integer AS slot, class, bucket, sum(attempts)::bigint
FROM endpoint_minute
WHERE webhook = :webhook AND minute >= :since_minute::integer
GROUP BY 1, 2, 3
