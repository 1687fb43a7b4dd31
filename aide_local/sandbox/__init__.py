"""Candidates are code that nobody has read: they run here, limited and confined."""
