"""`python -m harness` is the command `layer-harness`."""

from harness.cli import main

main()
