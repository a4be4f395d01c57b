"""What is kept of measurements: canonical JSON, a file for each case."""
