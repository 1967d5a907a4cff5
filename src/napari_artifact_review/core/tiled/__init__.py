"""Images that are too large to be read at once, shown tile by tile."""
