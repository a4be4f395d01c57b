"""Builders on engine versions with stores: their ids, selectors and names of sets.

May import: errors, documents.
"""
