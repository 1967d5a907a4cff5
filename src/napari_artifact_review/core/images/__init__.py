"""Full images, with readers, sky coordinates, display settings and thumbnails."""
