"""The report: what a review has changed, as plots and as one HTML file."""
