"""Walks down losses of two weights, which lessons 03 and 04 share."""
