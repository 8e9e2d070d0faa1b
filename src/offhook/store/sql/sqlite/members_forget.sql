DELETE FROM member WHERE consumer = :consumer AND until_ms <= :now_ms
