"""Two observations of a build as plain facts, so that they can be compared.

`measured` reads the catalogue's records, `ours` the harness's; both give a value for
each place: an attribute of an entry in a layer, an entry of the history, a key of the
config. What one of the two programs leaves out, or writes in another way, is brought to
one form here, each with its reason; all else that differs is a difference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.images.layer import text_of
from harness.measure.noise import MARGIN, isoformat
from harness.measure.observation import BuildRecord, Change
from harness.measure.observe import Measurement
from oracle import catalogue
from oracle.catalogue import Record

#: Place to value.
Facts = Mapping[str, str]

_TYPES = {
    "f": "file",
    "d": "dir",
    "l": "symlink",
    "h": "hardlink",
    "c": "char",
    "b": "block",
    "p": "fifo",
}
#: So many entries of the history are the base's.
_BASE_HISTORY = 2
_XATTR = "SCHILY.xattr."
#: The catalogue keeps so much of a content's SHA-256.
_DIGEST = 16
#: `RUN cat /proc/sys/kernel/random/uuid > /f`: 37 bytes that no two runs share.
_RANDOM = re.compile(r"/random/uuid > (/\w+)")
_VERTEX = re.compile(r"^\[[^\]]*\] (.*)", re.DOTALL)

# Errors that say the same in other words, with the reason why the words differ.
_TEXTS = (
    # The catalogue's engines had their data elsewhere; the harness has a word for it.
    (re.compile(r"(?:/tmp/eng/data|/var/lib/eng)/[^\s\"':]*"), "PATH"),
    # What is random has other words in the catalogue.
    (re.compile(r"<dir>"), "PATH"),
    (re.compile(r"sha256:<id>|<id>"), "ID"),
    # How a registry is not reached is the network's doing: the noise rule `registry`.
    (
        re.compile(r'(?:Get|Head) "https://[^"]*/v2/": .*', re.DOTALL),
        "the registry is not reached",
    ),
    (
        re.compile(
            r'(?:Get|Head) "https://[^"]*?/v2/([^"]*?)/manifests/[^"]*": .*', re.DOTALL
        ),
        r"the registry is not reached for \1",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A place of a build (from 1) where the two are not equal; "" for nothing there."""

    build: int
    place: str
    measured: str
    ours: str


def differences(one: Sequence[Facts], other: Sequence[Facts]) -> Iterator[Difference]:
    """List where two observations of a case's builds differ."""
    assert len(one) == len(other), "a build of each is compared with one of the other"
    for number, (left, right) in enumerate(zip(one, other, strict=True), 1):
        # Of a build that ended otherwise, there is nothing more to compare.
        same = left["outcome"] == right["outcome"]
        for place in sorted({*left, *right}) if same else ["outcome"]:
            if left.get(place, "") != right.get(place, ""):
                yield Difference(
                    build=number,
                    place=place,
                    measured=left.get(place, ""),
                    ours=right.get(place, ""),
                )


class Tokens:
    """Names random contents by the order in which they come up in a case's builds.

    So that it is still compared which of a case's layers have the same one.
    """

    def __init__(self, dockerfiles: Iterable[bytes]) -> None:
        self.paths = {
            path for each in dockerfiles for path in _RANDOM.findall(each.decode())
        }
        self._seen: dict[str, str] = {}

    def digest(self, path: str, digest: str) -> str:
        if path not in self.paths:
            return digest
        return self._seen.setdefault(digest, f"random {len(self._seen) + 1}")


def measured(name: str, target: str) -> list[Facts]:
    """Give the facts of what was measured of a case's builds."""
    steps = catalogue.steps(name, words={})
    tokens = Tokens(step.dockerfile for step in steps)
    records = catalogue.measured(name, target)
    return [_measured(each, target, tokens, len(steps) > 1) for each in records]


def ours(name: str, measurement: Measurement) -> list[Facts]:
    """Give the facts of what the harness observed of a case's builds."""
    steps = catalogue.steps(name, words={})
    tokens = Tokens(step.dockerfile for step in steps)
    statuses = [each.transcript.status for each in measurement.run.built]
    return [
        _ours(each, status, tokens, len(steps) > 1)
        for each, status in zip(measurement.observation.builds, statuses, strict=True)
    ]


def _measured(
    record: Record, target: str, tokens: Tokens, several: bool
) -> dict[str, str]:
    if not record["ok"]:
        return _failed(_text(record["error"]), record["status"])
    facts = {"outcome": "ok"}
    if record.get("save_error"):
        # An image without layers cannot be exported, and there the catalogue ends.
        return facts
    layers = [each for each in record["layers"] if "base" not in each]
    facts["layers"] = str(len(layers))
    for number, layer in enumerate(layers, 1):
        changes = [
            _change(each, _time(each["mtime"], record["window"], target))
            for each in layer["entries"]
        ]
        lasting = not any(
            each.mtime == "build" or each.change == "deleted" for each in changes
        )
        facts |= _layer(number, layer["diff_id"] if lasting else None, changes, tokens)
    on_base = any("base" in each for each in record["layers"])
    facts |= _history(
        (each["created_by"].strip(), each.get("empty_layer", False))
        for each in record["history"][_BASE_HISTORY if on_base else 0 :]
    )
    facts |= _config(record["config"])
    return facts | _cached(_announced(record["cached"]), several)


def _time(seconds: int, window: Sequence[int], target: str) -> str:
    since, until = window
    # BuildKit took some WORKDIR from the cache in spite of no-cache, with the time of
    # an earlier build of the measuring; here every case has a base of its own.
    if seconds >= catalogue.began(target) and seconds <= until + MARGIN:
        return "build"
    return (
        "build" if since - MARGIN <= seconds <= until + MARGIN else isoformat(seconds)
    )


def _change(entry: Record, time: str) -> Change:
    """Read an entry as the catalogue has it."""
    path = "/" + text_of(entry["path"].encode("utf-8", "surrogateescape"))
    if "wh" in entry:
        # Nothing of a marker is compared but where it stands: its owner, link and time
        # are noise in both programs.
        folder, _, name = path.rpartition("/")
        if entry["wh"] == "opaque":
            return Change(path=folder, change="opaque")
        return Change(path=f"{folder}/{name.removeprefix('.wh.')}", change="deleted")
    link = entry.get("link", "")
    kind = _TYPES[entry["type"]]
    return Change(
        path=path,
        change="added",
        type=kind,
        mode=f"{int(entry['mode'], 8) & 0o7777:04o}",
        owner=f"{entry['uid']}:{entry['gid']}",
        mtime=time,
        size=entry["size"],
        digest=entry.get("sha", ""),
        link="/" + link if kind == "hardlink" else link,
        device="{}:{}".format(*entry["dev"]) if "dev" in entry else "",
        xattrs={
            key.removeprefix(_XATTR): value.encode("utf-8", "surrogateescape").hex()
            for key, value in entry.get("pax", {}).items()
            if key.startswith(_XATTR)
        },
    )


def _ours(
    record: BuildRecord, status: int, tokens: Tokens, several: bool
) -> dict[str, str]:
    if record.outcome != "ok":
        return _failed(record.error, status) | {"outcome": record.outcome}
    facts = {"outcome": "ok"}
    if not record.layers and not record.below:
        # As above.
        return facts
    facts["layers"] = str(len(record.layers))
    for number, layer in enumerate(record.layers, 1):
        facts |= _layer(number, layer.diff_id, layer.changes, tokens)
    facts |= _history((each.created_by, each.empty_layer) for each in record.history)
    # The catalogue has the part of the config that containers are made from.
    facts |= _config(
        {
            key: value
            for key, value in record.config.items()
            if key not in {"architecture", "os", "variant", "author"}
        }
    )
    cached = [each.text for each in record.all_steps if each.cached]
    return facts | _cached(cached, several)


def _failed(error: str, status: int) -> dict[str, str]:
    return {"outcome": "error", "error": error, "status": str(status)}


def _text(error: str) -> str:
    for pattern, word in _TEXTS:
        error = pattern.sub(word, error)
    return error


def _layer(
    number: int, diff_id: str | None, changes: Sequence[Change], tokens: Tokens
) -> dict[str, str]:
    """Give the facts of a layer; all but what a path was before, which is derived."""
    at = f"layer {number}"
    facts = {f"{at} entries": str(len(changes))}
    shown = [tokens.digest(each.path, each.digest) for each in changes]
    if diff_id is not None and not any(each.startswith("random") for each in shown):
        facts[f"{at} diff ID"] = diff_id
    for each, digest in zip(changes, shown, strict=True):
        if each.change in {"deleted", "opaque"}:
            facts[f"{at} {each.path} {each.change}"] = "yes"
            continue
        values = {
            "type": each.type,
            "mode": each.mode,
            "owner": each.owner,
            "mtime": each.mtime,
            "size": str(each.size),
            "digest": digest if digest.startswith("random") else digest[:_DIGEST],
            "link": each.link,
            "device": each.device,
            "xattrs": json.dumps(dict(each.xattrs), sort_keys=True),
        }
        facts |= {f"{at} {each.path} {key}": text for key, text in values.items()}
    return facts


def _history(entries: Iterable[tuple[str, bool]]) -> dict[str, str]:
    return {
        f"history {number}": f"{created_by}{' (empty)' if empty else ''}"
        for number, (created_by, empty) in enumerate(entries, 1)
    }


def _config(config: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"config {key}": json.dumps(value, sort_keys=True)
        for key, value in config.items()
        if value not in (None, "", [], {}, False)
    }


def _announced(cached: Iterable[str]) -> list[str]:
    """Give the instructions that were announced as cached, without their numbers."""
    plain = [_VERTEX.sub(r"\1", each) for each in cached]
    # FROM makes no layer, and the harness has no step for it.
    return [each for each in plain if not each.startswith("FROM ")]


def _cached(texts: Iterable[str], several: bool) -> dict[str, str]:
    # The harness records none for a case's only build, whose base is its own.
    return {f"cached {each}": "yes" for each in texts} if several else {}
