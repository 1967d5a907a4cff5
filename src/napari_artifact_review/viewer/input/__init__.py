"""Keys, mouse and selection."""
