"""Notebooks as students hand them in, one file a sort."""
