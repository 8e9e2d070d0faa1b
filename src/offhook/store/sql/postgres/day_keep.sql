SELECT offhook_keep_events(
    :name::text, :partition::integer, :after::bigint, :through::bigint, :limit::bigint
)
