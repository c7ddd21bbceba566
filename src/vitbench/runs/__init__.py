"""A run's folder and a study's results file."""
