"""The next model: predictions for the cutouts of full images."""
