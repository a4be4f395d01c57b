"""What a run needs before it builds: engines, tools, targets, memory, a workspace.

May import: errors, documents, dockerfile, targets, engines, images, builders, measure,
results.
"""
