"""The matrix as people and programs read it. Pure: values in, text out.

May import: dockerfile, targets, cases, measure, results, judge, check,
terminal.
"""
