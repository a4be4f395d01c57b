"""Cases: what is built, and what is expected of it, read from YAML and checked."""
