"""Image archives read as streams: layers, configs, and the base that we write.

May import: errors, documents, tar, engines.
"""
