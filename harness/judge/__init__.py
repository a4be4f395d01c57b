"""What was measured, judged: properties, verdicts, agreement, statements. Pure.

May import: dockerfile, targets, cases, measure, results.
"""
