"""A run over many images: one task, and one part in a folder, for each image."""
