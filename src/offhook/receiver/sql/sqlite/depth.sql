SELECT
    (SELECT count(*) FROM receiver_event WHERE state = 'waiting'),
    (SELECT count(*) FROM receiver_event WHERE state = 'dead')
