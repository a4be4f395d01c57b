"""pytest as the runner: its options, items, plugin and progress.

May import: errors, documents, dockerfile, cases, results, judge, book, report,
provision, session, pytest_entry, terminal.
"""
