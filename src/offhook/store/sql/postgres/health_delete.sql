DELETE FROM endpoint_health WHERE webhook = :webhook
