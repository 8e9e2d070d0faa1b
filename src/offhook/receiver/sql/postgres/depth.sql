SELECT
    (SELECT count(*) FROM receiver_event WHERE state = 'waiting') AS waiting,
    (SELECT count(*) FROM receiver_event WHERE state = 'dead') AS dead
