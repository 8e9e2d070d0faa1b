SELECT least(
    :through::bigint,
    coalesce(
        (SELECT min(cursor) FROM lease WHERE partition = :partition::integer), :through::bigint
    ),
    coalesce(
        (SELECT min(from_position) - 1 FROM held WHERE partition = :partition::integer),
        :through::bigint
    )
)
