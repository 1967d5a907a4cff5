"""Images that are too large to be read as a whole, shown tile by tile."""
