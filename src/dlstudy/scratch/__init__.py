"""A small torch on NumPy. Never imports torch."""
