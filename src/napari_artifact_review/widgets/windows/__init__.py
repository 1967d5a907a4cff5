"""The additional windows and the additional dock of a review."""
