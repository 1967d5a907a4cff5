"""The review in a napari viewer: layers, camera and keys, without Qt widgets."""
