"""Log of decisions: its file, its lock, and its exchange with other computers."""
