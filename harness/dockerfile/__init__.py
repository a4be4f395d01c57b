"""What a builder is handed: Dockerfile, .dockerignore, the context as a tar.

May import: errors, documents, tar.
"""
