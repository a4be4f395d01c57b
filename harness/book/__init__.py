"""All that was measured in one value: stored results, their verdicts, the matrix."""
