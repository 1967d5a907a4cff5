"""What verdicts teach: descriptors of cutouts, the learned order, similar cutouts."""
