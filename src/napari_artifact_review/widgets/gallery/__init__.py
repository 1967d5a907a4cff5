"""The gallery: the cutouts of the queue as a page of thumbnails."""

from napari_artifact_review.widgets.gallery.panel import GalleryPanel

__all__ = ["GalleryPanel"]
