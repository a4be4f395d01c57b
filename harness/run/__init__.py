"""pytest as the runner: its options, items, plugin and progress."""
