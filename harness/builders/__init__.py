"""How a build is run on an engine, and how what the builder says is understood."""
