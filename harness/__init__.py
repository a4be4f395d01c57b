"""Layer Harness, a differential test harness for container image builders.

Does this Dockerfile build the same image everywhere?

The flow, which is also the order of the modules:
Case -> (on a Target) build -> Image -> Observation -> check and agree -> Result ->
Matrix -> report. A module imports only modules that stand above it in that order.
"""

__version__ = "0.1.0"
