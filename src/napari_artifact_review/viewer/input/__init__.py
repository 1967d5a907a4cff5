"""Keys, mouse, and selection of cutouts."""
