-- What became of a transaction: in progress, committed or aborted; null once it is too long ago.
SELECT pg_xact_status(:xid::text::xid8)
