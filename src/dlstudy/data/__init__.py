"""Real data sets behind one interface."""
