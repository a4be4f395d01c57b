"""The named rules for what is not behaviour.

Each rule has its reason; the names of those that touched something stand in every
result. There is no per-case skip list: noise that no rule covers shows up when a build
is repeated, and is then named here. Measured on 20.10.5 to 28.5.2.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.cases.given import OUTSIDE
from harness.images.layer import Entry
from harness.measure.observation import Change

#: Name to reason, for reports.
RULES = {
    "build-time": "a time within the build is `build`: another run has another",
    "build-time-diff-id": "a layer with a time of the build has no lasting diff ID",
    "mode-type-bits": "20.10 writes the type of a file into its mode (moby/moby#44083)",
    "user-names": "20.10 looks names up in the /etc/passwd of the engine's machine",
    "whiteout-attributes": "whiteouts share one inode: link name and owner are chance",
    "empty-config": "absent, null and empty mean the same in an image's config",
    "config-ids": "Image and Hostname name the container of an earlier step",
    "builder-version": "buildah labels each image with its own version",
    "temporary-names": "ids, addresses and temporary folders in error texts are random",
    "history-ids": "buildah names the image before a step, and digests a mount",
    "copier": "buildah's copier tells its request, and its pipes end by chance",
    "lint-order": "BuildKit lists the rules that a Dockerfile breaks in chance order",
    "registry": "why a registry is not reached is this machine's network's doing",
    "own-dockerfile": "over the API BuildKit finds the Dockerfile in the context only",
    "base-name": "the base has a name of its own for each case, to keep caches apart",
}

# Only a registry has `/v2/`: what an ADD says of its URL is behaviour.
_REGISTRY = re.compile(
    r"""(?:Get|Head) "?https?://[^"\s]+?/v2/(?P<image>[^"\s]*?)"""
    r"""(?:/(?:manifests|blobs)/[^"\s]*)?"?: .*"""
)

_RULES_BROKEN = re.compile(r"(?<=lint violation found for rules: )\w+(?:, \w+)+")

#: A clock and the engine's own may be so far apart, and file times are whole seconds.
MARGIN = 2.0

_FROM = re.compile(
    r"^FROM (?:[0-9a-f]{12,64}"
    r"|(?:docker\.io/|localhost/)?layer-harness/build:[0-9a-f]+)$"
)
#: https://github.com/containers/buildah/blob/main/docs/buildah-config.1.md
_BUILDAH = "io.buildah.version"
#: 1.39.3 writes `RUN --mount=type=bind,... command:sha256:...`; of a mount with `rw` it
#: digests when it was written to.
_MOUNTED = re.compile(r"(?<=:)sha256:[0-9a-f]{64}$")
#: What stands around the copier's own words, as 1.19.6 to 1.43.2 say them. The last:
#: for a Git repository that cannot be had 1.39.3 copies its machine's root folder,
#: until some file of it fails.
_COPIER = (
    re.compile(
        r"(?:waiting on subprocess: exit status \d+; )?"
        r"(?:error encoding quit request for copier subprocess: )?"
        r"error during bulk transfer for copier\.request\{.*?\}: (?=copier: )"
    ),
    re.compile(r"(?<!subprocess): write \|1: broken pipe$"),
    re.compile(r"""(?<=\.git": copier: get: "/"\("/"\)): .*"""),
)
_CONFIG_IDS = ("Image", "Hostname", "Domainname")
_TEXTS = (
    (re.compile(r"(?:docker\.io/|localhost/)?layer-harness/build:[0-9a-f]+"), "IMAGE"),
    (re.compile(r"\b(?:sha256:)?[0-9a-f]{64}\b"), "ID"),
    (re.compile(r"/var/lib/docker/[^\s\"':]*"), "PATH"),
    (re.compile(r"/var/lib/containerd/[^\s\"':]*"), "PATH"),
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "ADDRESS"),
    (re.compile(r"/run/harness/[0-9a-f]{16}\.tar"), "PATH"),
    (re.compile(r"/tmp/[a-z-]*\d{3,}[^\s\"':]*"), "PATH"),
    (re.compile(r"\bref [a-z0-9-]{25,36}(?:::[a-z0-9]{25})?"), "ref ID"),
    (re.compile(r"\bprepare [a-z0-9]{25}(?: as [a-z0-9]{25})?"), "prepare ID"),
    (re.compile(r"layer-harness/base/manifests/[0-9a-f]{32}"), "BASE"),
    (re.compile(r"\b[a-z0-9]{25}::[a-z0-9]{25}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "ID"),
)


@dataclass
class Noise:
    """Applies the rules for one case, and remembers which of them touched anything.

    `since` and `until` are seconds of the engine's clock between which the case's
    builds ran; `base` is the reference that the case's base was given.
    """

    since: float
    until: float
    base: str
    touched: set[str] = field(default_factory=set)

    def entry(self, entry: Entry) -> Change:
        """Make the canonical record of an entry; its `change` is `added` till known."""
        path = "/" + entry.path
        if entry.kind in {"whiteout", "opaque"}:
            self.touched.add("whiteout-attributes")
            return Change(
                path=path, change="deleted" if entry.kind == "whiteout" else "opaque"
            )
        if entry.mode != entry.mode & 0o7777:
            self.touched.add("mode-type-bits")
        if entry.uname or entry.gname:
            self.touched.add("user-names")
        link = entry.link
        if entry.kind == "hardlink":
            link = "/" + link.lstrip("/")
        return Change(
            path=path,
            change="added",
            type=entry.kind,
            mode=f"{entry.mode & 0o7777:04o}",
            owner=f"{entry.uid}:{entry.gid}",
            mtime=self.time(entry.mtime),
            size=entry.size,
            digest=entry.digest or "",
            link=link,
            device="{}:{}".format(*entry.device) if entry.device else "",
            xattrs=dict(entry.xattrs),
        )

    def without_dockerfile(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """Leave out the Dockerfile that was sent under a name of ours."""
        found = tuple(
            each for each in entries if each.path.rpartition("/")[2] != OUTSIDE
        )
        if len(found) < len(entries):
            self.touched.add("own-dockerfile")
        return found

    def time(self, seconds: float) -> str:
        """Write a time: `build` if it lies within the case's builds, else ISO 8601."""
        if self.since - MARGIN <= seconds <= self.until + MARGIN:
            self.touched.add("build-time")
            return "build"
        return isoformat(seconds)

    def diff_id(self, diff_id: str, changes: tuple[Change, ...]) -> str | None:
        """Keep a diff ID that another run would give too."""
        # Whiteouts have the time of the deletion in the tar, though none in the record.
        if any(each.mtime == "build" or each.change == "deleted" for each in changes):
            self.touched.add("build-time-diff-id")
            return None
        return diff_id

    def config(self, config: Mapping[str, Any]) -> dict[str, object]:
        """Keep what an image's config says to those who run it."""
        inner = config.get("config") or {}
        kept: dict[str, object] = {}
        for name, value in sorted(inner.items()):
            if name in _CONFIG_IDS:
                if value:
                    self.touched.add("config-ids")
            elif value in (None, "", [], {}, False):
                self.touched.add("empty-config")
            elif name == "Labels" and _BUILDAH in value:
                self.touched.add("builder-version")
                kept[name] = {**value, _BUILDAH: "VERSION"}
            else:
                kept[name] = value
        for name in ("architecture", "os", "variant", "author"):
            if config.get(name):
                kept[name] = config[name]
        return kept

    def named(self, text: str) -> str:
        """Write the base's own name in a text as the variable it was given by."""
        if self.base and self.base in text:
            self.touched.add("base-name")
            for name in (f"docker.io/{self.base}", f"localhost/{self.base}", self.base):
                text = text.replace(name, "${BASE}")
        return text.strip()

    def comment(self, text: str) -> str:
        """Take out of a comment of the history what names an image of this run only.

        buildah writes `FROM 07f636fa1078` and `FROM localhost/NAME` (1.28.2 to 1.43.2).
        """
        clean, count = _FROM.subn("FROM IMAGE", self.named(text))
        if count:
            self.touched.add("history-ids")
        return clean

    def instruction(self, text: str) -> str:
        """Take out of an instruction of the history what another run has otherwise."""
        clean, count = _MOUNTED.subn("ID", self.named(text))
        if count:
            self.touched.add("history-ids")
        return clean

    def text(self, text: str) -> str:
        """Take what is random out of an error's text."""
        clean, count = _REGISTRY.subn(_not_reached, self.named(text))
        if count:
            self.touched.add("registry")
        clean, count = _RULES_BROKEN.subn(_sorted, clean)
        if count:
            self.touched.add("lint-order")
        for pattern in _COPIER:
            clean, count = pattern.subn("", clean)
            if count:
                self.touched.add("copier")
        for pattern, word in _TEXTS:
            clean, count = pattern.subn(word, clean)
            if count:
                self.touched.add("temporary-names")
        return clean


def _sorted(found: re.Match[str]) -> str:
    return ", ".join(sorted(found[0].split(", ")))


def _not_reached(found: re.Match[str]) -> str:
    wanted = f" for {found['image']}" if found["image"] else ""
    return f"the registry is not reached{wanted}"


def isoformat(seconds: float) -> str:
    """Write seconds since 1970 as ISO 8601 in UTC; years that it lacks as a number."""
    try:
        moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return moment.isoformat().replace("+00:00", "Z")
