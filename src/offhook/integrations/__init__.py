"""Integrations: calls that come in from elsewhere; files of finished calls among them."""
