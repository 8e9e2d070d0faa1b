SELECT offhook_now(:now_ms::bigint)
