"""The home page: the map of the lessons, what is due today, search, and the machine."""
