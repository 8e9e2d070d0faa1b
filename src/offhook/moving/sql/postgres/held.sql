SELECT webhook, partition, from_position FROM held
