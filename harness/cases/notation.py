"""How a case writes single values: selectors, modes, owners, paths, patterns.

The forms that `expectation` and `casefile` are made of. Each refuses what it does not
take with a message and a hint; short forms are shown in the JSON Schema too.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from harness.documents.pattern import check_ways, compiled
from harness.errors import UsageError
from harness.targets.selector import parse_selector

_HEX = "([0-9a-f]{2})*"
_LETTERS = "([A-Z]( [A-Z])*)?"
_ANSWER = "[a-z0-9/][a-z0-9'./:_+-]*( [a-z0-9'./:_+-]+){0,2}"


def _selector(text: str, info: ValidationInfo) -> str:
    """Check a selector; against the builders that a context names, if there is one."""
    try:
        selector = parse_selector(text)
        if info.context is not None:
            info.context["builders"].check(selector)
    except UsageError as error:
        raise PydanticCustomError(
            "selector", "{message}", {"message": error.message, "hint": error.hint}
        ) from error
    return selector.text


def _named(text: str) -> str:
    if not re.fullmatch(_ANSWER, text):
        raise PydanticCustomError(
            "answer_name",
            "`{text}` is not the name of an answer",
            {
                "text": text,
                "hint": "one to three words in small letters, such as `new layer`",
            },
        )
    return text


def _question(text: str) -> str:
    if text and not re.fullmatch(r"\S[^\n]*[^\s?]\?", text):
        raise PydanticCustomError(
            "question",
            "`{text}` is not a question",
            {"text": text, "hint": "write one sentence that ends with ?"},
        )
    return text


def _spoken(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError(
            "nul",
            "a NUL, which no command line and no address can carry",
            {"hint": "take \\0 out of it"},
        )
    return text


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _regex(text: str) -> str:
    try:
        compiled(text)
    except ValueError as error:
        raise PydanticCustomError(
            "regex",
            "not a regular expression: {message}",
            {"message": str(error), "hint": "escape ( [ { . * + ? with a backslash"},
        ) from error
    try:
        check_ways(text)
    except ValueError as error:
        raise PydanticCustomError(
            "slow_regex",
            "a pattern that may take too long: {message}",
            {
                "message": str(error),
                "hint": "repeat single characters only, once, or twice after ^; "
                "write [ab]* for (a|b)*",
            },
        ) from error
    return text


def _mode(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"[0-7]{3,5}", value):
        raise PydanticCustomError(
            "mode",
            "a mode is octal digits in quotes",
            {"hint": 'write "0755"; YAML reads a bare 0755 as the number 493'},
        )
    return f"{int(value, 8):04o}"


def _owner(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"\d+:\d+", value):
        raise PydanticCustomError(
            "owner", "an owner is UID:GID in quotes", {"hint": 'write "1000:1000"'}
        )
    return value


def _absolute(path: str) -> str:
    if not path.startswith("/") or (path != "/" and path.endswith("/")):
        raise PydanticCustomError(
            "path",
            "a path in an image starts with / and does not end with one",
            {"hint": f"write /{path.strip('/')}"},
        )
    return path


def _hex(text: str) -> str:
    if not re.fullmatch(_HEX, text):
        raise PydanticCustomError(
            "hex",
            "bytes are pairs of the digits 0 to 9 and a to f",
            {"hint": f"`{text.encode().hex()}` is the text {text!r:.40}"},
        )
    return text


def _spaced(text: str) -> str:
    if not re.fullmatch(_LETTERS, text):
        raise PydanticCustomError(
            "letters",
            "a pattern is capital letters with a space between",
            {"hint": f"write {' '.join(re.findall('[A-Z]', text.upper())) or 'A B B'}"},
        )
    return text


Selectors = Annotated[
    list[Annotated[str, AfterValidator(_selector)]],
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
]
Texts = Annotated[
    list[str], BeforeValidator(_listed, json_schema_input_type=str | list[str])
]
Letters = Annotated[
    str,
    AfterValidator(_spaced),
    Field(json_schema_extra={"pattern": f"^({_LETTERS})$"}),
]
#: What is given to a builder on its command line, or in the address of a request.
Word = Annotated[str, AfterValidator(_spoken)]
Regex = Annotated[str, AfterValidator(_regex)]
AnswerName = Annotated[
    str, AfterValidator(_named), Field(json_schema_extra={"pattern": f"^({_ANSWER})$"})
]
Question = Annotated[str, AfterValidator(_question)]
Mode = Annotated[str, BeforeValidator(_mode, json_schema_input_type=str)]
Owner = Annotated[str, BeforeValidator(_owner, json_schema_input_type=str)]
ImagePath = Annotated[str, AfterValidator(_absolute)]
Line = Annotated[int, Field(ge=1)]
#: Strict: `true` and `"3"` are no numbers; as a key of a mapping a line is a text.
Lines = list[Annotated[int, Field(ge=1, strict=True)]]
Count = Annotated[int, Field(ge=0, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Hex = Annotated[
    str, AfterValidator(_hex), Field(json_schema_extra={"pattern": f"^({_HEX})$"})
]
Level = Literal["diff_id", "content", "shape"]
#: What two builds can differ in, from what matters most to what matters least.
Aspect = Literal[
    "outcome",
    "rootfs",
    "config",
    "cache",
    "layers",
    "history",
    "files",
    "times",
    "metadata",
]
