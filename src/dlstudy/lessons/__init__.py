"""What one lesson alone needs beside its page: what it measures, draws, proves and plays with.

A lesson needs no other lesson, and only pages and tests import one: what a second lesson wants moves down to
`dlstudy.figures`, `dlstudy.training` or `dlstudy.layers` on the day that it is wanted.
"""
