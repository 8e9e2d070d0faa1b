"""What users try their endpoints out with: commands that speak to a running server."""
