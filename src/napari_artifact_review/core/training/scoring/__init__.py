"""Predictions of a model for the cutouts of full images."""
