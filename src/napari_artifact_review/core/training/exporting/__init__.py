"""Cutouts and labels of a review as a data set for training."""
