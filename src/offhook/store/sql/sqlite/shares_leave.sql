DELETE FROM endpoint_share WHERE owner = :owner OR until_ms <= :now_ms
