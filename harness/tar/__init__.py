"""Bytes of archives: streams hashed and decompressed, tar read and written. Pure.

May import: errors.
"""
