"""Statistics of predictions and reviewers, from arrays and logs."""
