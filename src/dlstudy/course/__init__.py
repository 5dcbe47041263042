"""Catalogue, lesson pages, exercises and progress."""
