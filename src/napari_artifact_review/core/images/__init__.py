"""Full images: readers, sky coordinates, display settings and thumbnails."""
