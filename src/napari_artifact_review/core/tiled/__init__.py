"""Tiled display of images that are too large to be read as a whole."""
