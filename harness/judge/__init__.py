"""What was measured, judged: properties, verdicts, agreement, statements. Pure."""
