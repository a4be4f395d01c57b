"""YAML and TOML with the place of every value, and mistakes told with their remedy.

May import: errors.
"""
