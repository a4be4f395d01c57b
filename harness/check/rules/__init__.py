"""The rules of `check`, a module for each subject.

A rule is in its module's `RULES`; a module is in `RULES` here. To add rules, read "A
rule of check" in CONTRIBUTING.md.
"""

from __future__ import annotations

from harness.check.rule import Rule
from harness.check.rules import (
    add,
    arg_env,
    chown,
    context_files,
    copy,
    dockerignore,
    layers,
    metadata,
    mounts,
    parser,
    run,
    stages,
    user_workdir,
    volume,
)

RULES: tuple[Rule, ...] = (
    *parser.RULES,
    *stages.RULES,
    *arg_env.RULES,
    *run.RULES,
    *mounts.RULES,
    *copy.RULES,
    *chown.RULES,
    *context_files.RULES,
    *add.RULES,
    *dockerignore.RULES,
    *user_workdir.RULES,
    *volume.RULES,
    *metadata.RULES,
    *layers.RULES,
)
