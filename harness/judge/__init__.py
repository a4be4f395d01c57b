"""What was measured, judged: properties, verdicts, agreement, statements. Pure.

May import: documents, dockerfile, targets, cases, measure, results.
"""
