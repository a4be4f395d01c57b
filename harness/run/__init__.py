"""A run of many cases on many targets: plan, engines, progress, pytest as runner."""
