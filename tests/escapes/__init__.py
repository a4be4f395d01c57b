"""Escapes: what a stranger's Dockerfile may try, tried on each kind of builder."""
