"""Small widgets and helpers that any Qt program could use."""
