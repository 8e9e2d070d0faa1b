SELECT offhook_forget_accepted(
    :name::text, :partition::integer, :first::bigint, :last::bigint, :limit::bigint
)
