"""Small widgets and helpers for any Qt program."""
