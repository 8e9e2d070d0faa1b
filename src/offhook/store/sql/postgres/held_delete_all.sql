DELETE FROM held WHERE webhook = :webhook
