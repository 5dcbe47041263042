"""The page that puts an edited lesson and its newer version together."""
