"""Drawings over the full image: boxes, texts, grid and compass."""
