"""Store the log of decisions, lock it, and exchange it with other computers."""
