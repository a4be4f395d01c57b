"""Layer Harness, a differential test harness for container image builders.

Does this Dockerfile build the same image everywhere?

The packages in the order of the flow; each says in its docstring what it is and what
it may import, and a test holds it to that:
errors, documents, tar, dockerfile, targets, cases, engines, images, builders, measure,
results, judge, measure_case, book, report, provision, session, run, verbs, cli.
"""

__version__ = "0.1.0"
