"""Learn from verdicts: descriptors of cutouts, the learned order, similar cutouts."""
