"""Measure what the learned order is worth, with simulated reviewers."""
