-- What has run out of these endpoints' shares, and what their owner needs no more.
DELETE FROM endpoint_share
WHERE webhook = ANY(:webhooks::text[])
    AND (
        until_ms <= :now_ms
        OR owner = :owner AND (webhook, kind) IN (
            SELECT webhook, kind FROM unnest(:dropped::text[], :kinds::text[])
                AS dropped (webhook, kind)
        )
    )
