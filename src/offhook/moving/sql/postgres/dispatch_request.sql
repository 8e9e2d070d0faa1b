SELECT partition, position, webhook, kind FROM dispatch_request
ORDER BY id
