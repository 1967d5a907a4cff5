"""Two models compared on the same cutouts."""
