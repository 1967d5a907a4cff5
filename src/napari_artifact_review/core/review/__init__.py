"""Review session: cutouts, labels, queue, commands and output."""
