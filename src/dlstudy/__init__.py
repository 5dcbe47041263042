"""A deep-learning study guide that runs. Importing this package imports neither NumPy nor torch."""

__version__ = "0.1.0"
