"""Tables of predictions: formats, meaning of the columns, cutouts looked up."""
