"""What a builder is asked for: one build, whatever the way to the builder is.

May import: errors, documents, targets, engines, images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One build; `context` is an open tar file, the Dockerfile `file` is in it.

    `cold` asks for no cache. `secrets` are contents by ID, `ssh` says that an agent is
    offered, `contexts` are the tars of named contexts (`docker build
    --build-context`): ways that need a client. `provenance` asks for an attestation.
    `outside` has files that lie outside of the context, by name: the Dockerfile, and
    its .dockerignore. `options` are parameters of `POST /build`, by its names (Docker
    Engine API, "Build an image").
    """

    context: BinaryIO
    tag: str
    file: str = "Dockerfile"
    args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    cold: bool = True
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    ssh: bool = False
    contexts: Mapping[str, BinaryIO] = field(default_factory=dict)
    provenance: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    outside: Mapping[str, bytes] = field(default_factory=dict)
