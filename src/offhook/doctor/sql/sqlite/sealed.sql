-- The key that secrets are sealed with, and how many secrets are sealed with another.
SELECT
    sealed_with,
    (
        SELECT count(*) FROM webhook_secret
        WHERE secret NOT LIKE 'sealed.' || installation.sealed_with || '.%'
    )
FROM installation
