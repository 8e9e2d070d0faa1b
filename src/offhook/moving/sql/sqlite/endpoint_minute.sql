SELECT webhook, minute, class, bucket, attempts FROM endpoint_minute
