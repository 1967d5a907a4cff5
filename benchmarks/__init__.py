"""How long a review takes, beside what napari at the least would take for it."""
