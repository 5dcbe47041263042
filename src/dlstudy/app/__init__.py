"""The home page and the middleware around the page engine."""
