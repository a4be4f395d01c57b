"""Bytes of archives: streams hashed and decompressed, tar read and written.

Pure, but for the processor's clock that the budget of an archive looks at.

May import: errors.
"""
