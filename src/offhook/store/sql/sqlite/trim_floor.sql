SELECT min(
    :through,
    coalesce((SELECT min(cursor) FROM lease WHERE partition = :partition), :through),
    coalesce((SELECT min(from_position) - 1 FROM held WHERE partition = :partition), :through)
)
