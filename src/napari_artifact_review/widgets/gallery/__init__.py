"""The gallery: the cutouts of the queue as a page of small pictures."""

from napari_artifact_review.widgets.gallery.panel import GalleryPanel

__all__ = ["GalleryPanel"]
