"""BuildKit's progress messages: the protobuf `moby.buildkit.v1.StatusResponse`.

Only the fields used are declared, from buildkit's `api/services/control/control.proto`
(numbers are stable there since 2018). Declared at run time: generated code would tie
the package to one protobuf release.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

_FIELD = descriptor_pb2.FieldDescriptorProto
_STRING, _BYTES, _BOOL = _FIELD.TYPE_STRING, _FIELD.TYPE_BYTES, _FIELD.TYPE_BOOL
_MESSAGE = _FIELD.TYPE_MESSAGE
_ONE, _MANY = _FIELD.LABEL_OPTIONAL, _FIELD.LABEL_REPEATED

_PACKAGE = "moby.buildkit.v1"
_MESSAGES = {
    "Vertex": (
        ("digest", 1, _STRING, _ONE, ""),
        ("name", 3, _STRING, _ONE, ""),
        ("cached", 4, _BOOL, _ONE, ""),
        # messages with a time; that they are there is all that is asked
        ("started", 5, _BYTES, _ONE, ""),
        ("completed", 6, _BYTES, _ONE, ""),
        ("error", 7, _STRING, _ONE, ""),
    ),
    "VertexLog": (
        ("vertex", 1, _STRING, _ONE, ""),
        ("msg", 4, _BYTES, _ONE, ""),
    ),
    "StatusResponse": (
        ("vertexes", 1, _MESSAGE, _MANY, "Vertex"),
        ("logs", 3, _MESSAGE, _MANY, "VertexLog"),
    ),
}


def _declare() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="layer_harness/status.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, label, of in fields:
            message.field.add(
                name=field,
                number=number,
                type=kind,
                label=label,
                type_name=f".{_PACKAGE}.{of}" if of else None,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_StatusResponse = message_factory.GetMessageClass(
    _declare().FindMessageTypeByName(f"{_PACKAGE}.StatusResponse")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertex:
    """One node of the build graph as last reported; `error` empty while it is well.

    `running` when it was said to have begun, and not to have ended.
    """

    digest: str
    name: str
    cached: bool
    error: str
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One progress message: what changed of which vertex, and what was printed."""

    vertexes: tuple[Vertex, ...]
    logs: tuple[str, ...]


def decode(body: bytes) -> Status:
    """Read one message; ValueError when it is none."""
    try:
        message = _StatusResponse.FromString(body)
    except DecodeError as error:
        raise ValueError(f"no StatusResponse: {error}") from error
    return Status(
        vertexes=tuple(
            Vertex(
                digest=each.digest,
                name=each.name,
                cached=each.cached,
                error=each.error,
                running=bool(each.started) and not each.completed,
            )
            for each in message.vertexes  # type: ignore[attr-defined]  # declared above
        ),
        logs=tuple(
            each.msg.decode(errors="replace")
            for each in message.logs  # type: ignore[attr-defined]  # declared above
        ),
    )
