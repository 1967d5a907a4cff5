"""What is learned from the verdicts of a review, and the numbers it is learned from."""
