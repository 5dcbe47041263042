"""Lessons run without a reader, and kept in step with the library."""
