"""One case on one target: built, its layers read, noise told from behaviour."""
