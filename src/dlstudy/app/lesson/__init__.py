"""What stands around a lesson's page: the bar above it, its notes and its signs."""
