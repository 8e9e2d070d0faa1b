SELECT partition, first_position, last_position FROM offhook_day_ends(:name::text)
