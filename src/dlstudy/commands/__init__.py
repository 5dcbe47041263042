"""The command line: what each command prints and does."""
