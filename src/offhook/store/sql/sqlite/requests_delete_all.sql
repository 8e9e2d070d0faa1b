DELETE FROM dispatch_request WHERE webhook = :webhook
