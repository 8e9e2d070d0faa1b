SELECT offhook_make_day($1::text, day) FROM unnest($2::bigint[]) AS day
