"""One case on one target: built, its layers read, noise told from behaviour.

May import: errors, documents, dockerfile, targets, cases, engines, images, builders.
"""
