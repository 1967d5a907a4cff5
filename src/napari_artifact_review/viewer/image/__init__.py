"""The full image: its layer, its pixels and the threads that read it."""
