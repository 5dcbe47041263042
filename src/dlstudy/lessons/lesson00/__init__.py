"""The overview's own drawing."""
