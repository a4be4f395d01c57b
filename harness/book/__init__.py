"""All that was measured in one value: stored results, their verdicts, the matrix.

May import: errors, documents, dockerfile, targets, cases, builders, measure, results,
judge.
"""
