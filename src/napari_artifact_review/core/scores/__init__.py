"""Numbers about predictions and reviewers, from arrays and logs."""
