"""Small widgets and functions that any Qt program could use."""
