"""Code that shows a review in a napari viewer: layers, camera and keys, without Qt."""
