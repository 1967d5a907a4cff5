"""Full images: readers, sky coordinates, display, and pictures of cutouts."""
