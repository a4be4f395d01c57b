"""The verbs of the command line: each parses its options, calls, and prints.

May import: errors, documents, targets, cases, engines, builders, measure, results,
judge, check, book, report, provision, own_dockerfile, session, run, terminal.
"""
