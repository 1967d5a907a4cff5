"""Keys, mouse and the selection that they make."""
