"""Mutation testing: changes of the harness that its tests should notice."""
