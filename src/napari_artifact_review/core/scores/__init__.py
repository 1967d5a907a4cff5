"""Metrics of the predictions, and statistics of the time per verdict."""
