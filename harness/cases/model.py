"""The form of a case file: builds with their contexts, and what is expected.

The model that `cases/GROUP/CASE.yaml` is checked against, and the source of
`data/case.schema.json`. `case` reads files into it and checks what one model cannot.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from harness.cases.expectation import Expectation, Properties
from harness.cases.notation import (
    AnswerName,
    Flag,
    Hex,
    Mode,
    Question,
    Selectors,
    Word,
)
from harness.dockerfile.context import MTIME, Content, ContextFile, packed
from harness.documents.mistakes import Strict
from harness.documents.relative_path import leaves, too_long

_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def _inside(path: str) -> str:
    if leaves(path):
        raise PydanticCustomError(
            "context_path",
            "`{path}` leaves the build context",
            {"path": path, "hint": "give a path below the context, without .."},
        )
    if problem := too_long(path):
        raise PydanticCustomError(
            "long_path", "{problem}", {"problem": problem, "hint": "no Linux has it"}
        )
    return path


def _bytes(value: Any) -> Any:
    match = re.fullmatch(r"(\d{1,18})\s*(B|KiB|MiB|GiB)?", str(value))
    if isinstance(value, bool) or not match:
        raise PydanticCustomError(
            "size", "not a size: {value}", {"value": str(value), "hint": "write 1MiB"}
        )
    return int(match[1]) * _UNITS[match[2] or "B"]


def _seconds(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError as error:
            raise PydanticCustomError(
                "time",
                "not a time: {value}",
                {"value": value, "hint": "write 2020-01-01T00:00:00Z or seconds"},
            ) from error
    if isinstance(value, dt.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return aware.timestamp()
    if isinstance(value, dt.date):
        return dt.datetime(*value.timetuple()[:3], tzinfo=dt.UTC).timestamp()
    return value


def _content(value: Any) -> Any:
    return {"content": value} if isinstance(value, str) else value


Bytes = Annotated[int, BeforeValidator(_bytes, json_schema_input_type=int | str)]
Seconds = Annotated[
    float, BeforeValidator(_seconds, json_schema_input_type=float | str)
]
ContextPath = Annotated[Word, AfterValidator(_inside)]
Number = Annotated[int, Field(strict=True)]


_KINDS = (
    *("content", "hex", "size", "symlink", "hardlink"),
    *("dir", "fifo", "char", "block", "tar"),
)


class ContextEntry(Strict):
    """One path of a build context, with every attribute a tar can carry."""

    content: str | None = None
    hex: Hex | None = None
    size: Bytes | None = Field(default=None, description="so many random bytes")
    seed: Number = Field(default=0, description="of the random bytes")
    symlink: str | None = None
    hardlink: ContextPath | None = None
    dir: Literal[True] | None = None
    fifo: Literal[True] | None = None
    char: tuple[int, int] | None = Field(default=None, description="major, minor")
    block: tuple[int, int] | None = Field(default=None, description="major, minor")
    tar: (
        dict[
            str,
            Annotated[
                ContextEntry,
                BeforeValidator(_content, json_schema_input_type="str | ContextEntry"),
            ],
        ]
        | None
    ) = Field(default=None, description="a tar archive of these entries")
    mode: Mode | None = None
    uid: Number = 0
    gid: Number = 0
    mtime: Seconds | None = None
    xattrs: dict[str, Hex] = Field(default_factory=dict, description="name to hex")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in _KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "kind",
                "{count} kinds of content for one path",
                {"count": len(given), "hint": f"give one of: {', '.join(_KINDS)}"},
            )
        return self

    def file(self, path: str) -> ContextFile:
        """Make the context's file at `path`."""
        kind, link, device = "file", "", None
        content: bytes | Content = (self.content or "").encode()
        if self.hex is not None:
            content = bytes.fromhex(self.hex)
        elif self.tar is not None:
            content = packed(each.file(name) for name, each in self.tar.items())
        elif self.symlink is not None:
            kind, link = "symlink", self.symlink
        elif self.hardlink is not None:
            kind, link = "hardlink", self.hardlink
        elif self.dir:
            kind = "dir"
        elif self.fifo:
            kind = "fifo"
        elif self.char or self.block:
            kind, device = ("char", self.char) if self.char else ("block", self.block)
        return ContextFile(
            path=path,
            kind=kind,  # type: ignore[arg-type]  # one of the literals above
            content=content,
            random=None if self.size is None else (self.size, self.seed),
            link=link,
            device=device,
            mode=None if self.mode is None else int(self.mode, 8),
            uid=self.uid,
            gid=self.gid,
            xattrs={name: bytes.fromhex(text) for name, text in self.xattrs.items()},
            mtime=MTIME if self.mtime is None else self.mtime,
        )


class Options(Strict):
    """Parameters of `POST /build` that change what is built."""

    network: Word | None = None
    platform: Word | None = None
    extra_hosts: list[Word] = Field(default_factory=list)
    shm_size: Bytes | None = None
    memory: Bytes | None = None
    squash: Flag = False
    provenance: Flag = Field(
        default=False, description="an attestation of how it was built"
    )


Files = dict[
    ContextPath,
    Annotated[
        ContextEntry,
        BeforeValidator(_content, json_schema_input_type="str | ContextEntry"),
    ],
]


#: What a wrong guess of the answer costs: from a build that fails to a slower one.
Impact = Literal["outcome", "image", "layering", "cache"]

_DOCKERFILE = "its text; left out where the context has the file"


class _BuildKeys(Strict):
    """What a build has beside its Dockerfile."""

    file: ContextPath = Field(
        default="Dockerfile", description="the Dockerfile's path in the context"
    )
    context: Files | ContextPath = Field(
        default_factory=dict, description="its files, or a folder beside the case"
    )
    raw: Flag = Field(
        default=False,
        description="the whole context is sent, whatever .dockerignore says",
    )
    args: dict[Word, Word] = Field(default_factory=dict, description="build arguments")
    target: Word = Field(
        default="", description="the stage to build; the last if empty"
    )
    labels: dict[Word, Word] = Field(default_factory=dict)
    secrets: dict[Word, str] = Field(
        default_factory=dict, description="ID to content; for builders with a client"
    )
    ssh: Flag = Field(
        default=False, description="offer an agent; for builders with a client"
    )
    contexts: dict[Word, Files] = Field(
        default_factory=dict,
        description="named contexts by name; for builders with a client",
    )
    cold: Flag | None = Field(
        default=None,
        description="without the build cache; the default for a case's only build",
    )
    options: Options = Field(default_factory=Options)
    run: list[Word] | None = Field(
        default=None, description="command of a container, run and removed afterwards"
    )


class Build(_BuildKeys):
    """One Dockerfile and context.

    Read from a file, `dockerfile` has the text in any case: where it is left out, it is
    that of the context's file.
    """

    dockerfile: str = Field(default="", description=_DOCKERFILE)


BuildName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=63)]


class CaseFile(_BuildKeys):
    """One case: what is built, where it makes sense, what should come out."""

    title: str
    question: Question = Field(
        default="", description="one sentence that a writer of Dockerfiles would ask"
    )
    why: str = Field(description="why the answer matters")
    answers: dict[AnswerName, Properties | list[Properties]] = Field(
        default_factory=dict,
        description="by name, the properties that make an answer true; several builds: "
        "a list",
    )
    impact: Impact | None = Field(
        default=None, description="what a wrong guess costs at worst"
    )
    advice: str = Field(default="", description="how to write it, where there is a way")
    refs: list[Annotated[str, Field(pattern=r"^https?://\S+$")]] = Field(
        default_factory=list, description="links"
    )
    tags: list[str] = Field(default_factory=list)
    on: Selectors = Field(
        default_factory=list, description="targets it makes sense on; all if missing"
    )
    limit: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="seconds a build may take, instead of --limit"
    )
    fails: Flag = Field(
        default=False,
        description="the case asks how builders refuse it: failing on all targets is "
        "an answer, and not a case that was never built",
    )
    dockerfile: str | None = Field(default=None, description=_DOCKERFILE)
    builds: dict[BuildName, Build] = Field(
        default_factory=dict,
        max_length=100,
        description="several builds, run in this order",
    )
    expect: list[Expectation] = Field(default_factory=list, max_length=1000)

    @model_validator(mode="after")
    def _answered(self) -> Self:
        if bool(self.question) != bool(self.answers):
            raise PydanticCustomError(
                "answers",
                "a question and its answers belong together",
                {"hint": "give `question`, and below `answers` a name for each"},
            )
        return self

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = self.dockerfile is not None
        if (given and self.builds) or not (given or self.builds or self.context):
            raise PydanticCustomError(
                "form",
                "give either `dockerfile` or `builds`",
                {"hint": "one Dockerfile: `dockerfile: |`; several: `builds:` by name"},
            )
        own = sorted(self.model_fields_set & set(_BuildKeys.model_fields))
        if self.builds and own:
            raise PydanticCustomError(
                "form",
                "`{key}` cannot be given together with `builds`",
                {"key": own[0], "hint": "move it into the builds it is meant for"},
            )
        return self

    def all_builds(self) -> dict[str, Build]:
        """Name every build in order; the only one of a short form is `build`."""
        if self.builds:
            return dict(self.builds)
        keys = {name: getattr(self, name) for name in _BuildKeys.model_fields}
        if self.dockerfile is not None:
            keys["dockerfile"] = self.dockerfile
        return {"build": Build(**keys)}


class Group(Strict):
    """A group's heading: title, link into the Dockerfile reference, its claims."""

    title: str
    link: str = ""
    claims: dict[str, str] = Field(
        default_factory=dict, description="number to text of what cases cite"
    )
