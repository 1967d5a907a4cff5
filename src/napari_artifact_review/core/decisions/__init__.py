"""The log of decisions: on disk, locked by one writer, exchanged with other logs."""
