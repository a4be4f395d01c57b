"""What is kept of measurements: canonical JSON, a file for each case.

May import: errors, documents, targets, cases, measure.
"""
