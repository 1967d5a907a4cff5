"""The review itself, without a window: neither Qt nor napari is imported here."""
