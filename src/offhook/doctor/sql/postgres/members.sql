SELECT consumer, owner, until_ms FROM member
