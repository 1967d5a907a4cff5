"""The report on a review's changes, as plots and as an HTML file."""
