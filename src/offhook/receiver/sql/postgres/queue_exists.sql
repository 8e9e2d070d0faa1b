SELECT to_regclass('receiver_event') IS NOT NULL
