-- What became of a transaction that has ended: committed or aborted. Null where the database, brought
-- back to an earlier state, has not come to it yet, or where it is long ago.
SELECT CASE
    WHEN :xid::text::xid8 < pg_snapshot_xmax(pg_current_snapshot())
        THEN pg_xact_status(:xid::text::xid8)
END
