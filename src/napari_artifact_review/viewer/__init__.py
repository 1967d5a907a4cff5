"""The review in a napari viewer: layers, camera, keys; no Qt widget is known here."""
