"""The additional windows and docks of a review."""
