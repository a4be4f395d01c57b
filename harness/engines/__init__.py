"""What an engine is: how to reach it, and who it says it is.

Records only, plain data that goes to xdist workers and into files as JSON. Where an
engine comes from is the work of the modules beside this one.

May import: errors, documents, targets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """How to reach an engine: a URL, and for TLS the paths of the certificates.

    `url` is `unix:///PATH`, `tcp://HOST:PORT` or `ssh://USER@HOST`; `tls` says that
    the connection is encrypted, `verify` that the engine's certificate is checked.
    """

    url: str
    tls: bool = False
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    verify: bool = True

    @property
    def socket(self) -> str | None:
        """Give the path of a unix socket, None for every other address."""
        return self.url.removeprefix("unix://") if self.is_unix else None

    @property
    def is_unix(self) -> bool:
        """Say whether the engine is on this machine, behind a socket file."""
        return self.url.startswith("unix://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running engine: who it says it is and how to reach it.

    `name` is what the user wrote or the catalogue's name. `storage` is `overlay2`,
    `vfs`, another graph driver, or `containerd` for the containerd image store.
    `components` are sorted pairs of name and version, as the engine says.
    `data_root` is the folder under which this process can read the engine's
    DockerRootDir, None when it cannot. `clock_offset` is the engine's clock minus
    ours, in seconds. `log` is the file, on this machine, that its daemon writes to,
    `cgroup` the name of its cgroups here (`cgroups.EngineGroups`), which have these
    `bounds`, as `--bounds` takes them.
    """

    name: str
    address: Address
    version: str
    api: str
    storage: str
    components: tuple[tuple[str, str], ...]
    architecture: str
    data_root: str | None
    clock_offset: float
    log: str | None = None
    cgroup: str | None = None
    bounds: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can carry; `from_dict` reads it."""
        return {
            **dataclasses.asdict(self),
            "components": [list(pair) for pair in self.components],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Engine:
        """Read what `to_dict` gave."""
        components = tuple((name, version) for name, version in plain["components"])
        return cls(
            **{
                **plain,
                "address": Address(**plain["address"]),
                "components": components,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A Debian suite whose packages hold an engine; a record of `engines.toml`.

    `version` is the one measured, `stores` those it can be started with, `stale` says
    that the suite's Release file may be past its date, as those of testing and of old
    releases are. A package may have a pattern for its version, `buildah=1.45.0*`.
    `beside` is the suite that the other packages come from where this one is no whole
    distribution (experimental): apt takes from this one only what is given a version.
    `cgroup2` says that its programs run only where cgroup v2 is mounted.
    """

    name: str
    version: str
    packages: tuple[str, ...]
    stores: tuple[str, ...] = ("overlay2",)
    stale: bool = False
    beside: str = ""
    cgroup2: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSource:
    """An engine as a run names it, before it is started: where it is to come from.

    `name` is as in `Engine`, and unique in a run. One of `suite`, `image` (of a
    container on another engine) and `engine` (one that runs already) is given. A
    version that is `assumed` is what was recorded; the engine was not asked yet.
    """

    name: str
    version: str
    store: str
    suite: Suite | None = None
    image: str = ""
    engine: Engine | None = None
    assumed: bool = False

    @property
    def title(self) -> str:
        """Tell it in a few words: `Docker 26.1.5 (trixie)`."""
        return f"Docker {self.version} ({self.name})"

    @property
    def how(self) -> str:
        """Say how the engine comes to be there; no address, which tells of a host."""
        if self.suite is not None:
            return f"packages of Debian {self.suite.name}"
        return f"image {self.image}" if self.image else "by its address"
