"""Descriptors of the cutouts of full images."""
