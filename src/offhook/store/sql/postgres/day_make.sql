SELECT offhook_make_day(:parent::text, day) FROM unnest(:days::bigint[]) AS day
