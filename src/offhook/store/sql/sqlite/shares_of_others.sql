SELECT count(*) FROM endpoint_share WHERE owner <> :owner AND until_ms > :now_ms
