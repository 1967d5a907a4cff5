"""Report on the results of a review, as plots and as an HTML file."""
