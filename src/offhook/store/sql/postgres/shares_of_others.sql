SELECT count(*) FROM endpoint_share
WHERE owner <> :owner AND until_ms > (SELECT offhook_now(:now_ms::bigint))
