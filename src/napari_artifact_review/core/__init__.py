"""Review logic without a user interface; imports neither Qt nor napari."""
