"""Expert scripts that a search begins with."""
