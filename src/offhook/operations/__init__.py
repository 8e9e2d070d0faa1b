"""What an operator asks of an installation: to bring its schema up to date, and how it does."""
