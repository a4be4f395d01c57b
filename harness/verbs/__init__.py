"""The verbs of the command line: each parses its options, calls, and prints."""
