"""From a review to the next model, and back."""
