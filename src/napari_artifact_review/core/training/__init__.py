"""From reviewed labels to the next model: data sets for training."""
