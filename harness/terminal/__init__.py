"""Text for a terminal or a pipe: width, colour, tables, paragraphs.

May import: nothing.
"""
