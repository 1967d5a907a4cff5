"""A review: its cutouts, labels, queue, commands and output, as one session."""
