"""Word the mistakes that pydantic finds in a case as what is wrong, where, what to do.

pydantic speaks of dictionaries, and names every form that a value may have; here it is
the form that was meant, in the words of YAML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from harness.documents.document import MAX_SHOWN, Document, Location, nearest

_M = TypeVar("_M", bound="Strict")
#: pydantic's kinds of errors in the words of YAML.
_NEEDS = {
    "model_type": "lines of `key: value`",
    "dict_type": "lines of `key: value`",
    "list_type": "a list",
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "true or false",
}


class Strict(BaseModel):
    """A frozen model that refuses unknown keys, naming the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        allowed = {
            field.alias or name for name, field in cls.model_fields.items()
        } | set(cls.model_fields)
        shown = {field.alias or name for name, field in cls.model_fields.items()}
        for key in value:
            if key not in allowed:
                raise PydanticCustomError(
                    "unknown_key",
                    "unknown key `{shown}`",
                    {
                        "key": str(key),
                        "shown": str(key)[:MAX_SHOWN],
                        "hint": nearest(str(key), shown),
                    },
                )
        return value


def validate(
    model: type[_M],
    document: Document,
    value: Any,
    at: Location,
    context: Mapping[str, Any] | None = None,
) -> _M:
    """Check `value`, which stands at `at`; CaseError names the form that was meant.

    `context` is what validators need to know besides the value.
    """
    try:
        return model.model_validate(value, context=context)
    except ValidationError as error:
        # Where a value has several forms, the one that fits best was meant.
        found = max(
            error.errors(include_url=False),
            key=lambda each: (
                not _misfit(each),
                len(document.known((*at, *each["loc"]))),
            ),
        )
        location = document.known((*at, *found["loc"]))
        key = found.get("ctx", {}).get("key")
        if key and (*location, key) in document.marks:
            location = (*location, key)
        missing = found["loc"][-1:] if found["type"] == "missing" else ()
        raise document.error(
            location, *_explain(found, (*location, *missing))
        ) from error


def _explain(error: ErrorDetails, location: Location) -> tuple[str, str]:
    """Word one of pydantic's errors as what is wrong and what to do."""
    context = error.get("ctx", {})
    where = "the file"
    if location:
        where = f"`{'.'.join(f'{part!s:.{MAX_SHOWN}}' for part in location)}`"
    kind, given = error["type"], error["input"]
    shown = "nothing" if given is None else f"{given!r:.{MAX_SHOWN}}"
    if kind == "missing":
        return f"{where} is missing", "it must be given"
    if kind == "too_long":
        most = context["max_length"]
        return f"{where} has over {most} entries", "split it into several cases"
    if kind == "literal_error":
        expected = re.findall(r"'([^']*)'", context["expected"])
        return f"{where}: no such value {shown}", nearest(str(given), expected)
    hint = context.get("hint") or f"given: {shown}"
    if kind == "string_type" and isinstance(given, int | float):
        hint = f'put it in quotes: "{str(given).lower():.{MAX_SHOWN}}"'
    if kind in _NEEDS:
        return f"{where} needs {_NEEDS[kind]}", str(hint)
    return f"{where}: {error['msg']}", str(hint)


def _misfit(error: ErrorDetails) -> bool:
    """Say whether a value is of another kind altogether than a form wants."""
    if error["type"] in {"literal_error", "string_type"}:
        return isinstance(error["input"], dict | list)
    return error["type"] in {"model_type", "dict_type", "list_type"}
