"""Inputs that nobody wrote: each reader gives a value or an error of its own."""
