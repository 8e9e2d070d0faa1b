DELETE FROM endpoint_share WHERE webhook = :webhook
