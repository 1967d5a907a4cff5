"""Measure how long a review takes, compared with the least that napari needs for it."""
