DELETE FROM event WHERE position <= :through
