"""Cases: what is built, and what is expected of it, read from YAML and checked.

May import: errors, documents, dockerfile, targets.
"""
