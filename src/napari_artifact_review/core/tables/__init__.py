"""Predictions tables: file formats, columns, and look-up of cutouts."""
