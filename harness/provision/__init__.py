"""What a run needs before it builds: engines, tools, targets, memory, a workspace."""
