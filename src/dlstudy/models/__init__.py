"""Readable models, one paper one file, each proven equal to the reference library on the same weights."""
