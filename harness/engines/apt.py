"""Debian's packages: the mirror this machine uses, and the tools that need it.

The mirror is read from apt's own configuration.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.engines import process
from harness.engines.process import Say
from harness.errors import EngineError

MIRROR_VARIABLE = "LAYER_HARNESS_DEBIAN_MIRROR"

# where the package debian-archive-keyring has them, on other distributions too
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

WAYS_OUT = (
    "ways to an engine: (1) run as root on Debian or a derivative, (2) start any "
    "Docker engine here and use `-e default`, (3) name one elsewhere: "
    "`-e tcp://HOST:2376` or `-e ssh://USER@HOST`"
)

_NAMES = (
    "buster|bullseye|bookworm|trixie|forky|duke|sid|"
    "oldoldstable|oldstable|stable|testing|unstable"
)
_INDEX = re.compile(
    rf"^'(?P<site>[^']+?)/?/dists/(?:{_NAMES})/(?:In)?Release'", re.MULTILINE
)

#: What apt, mmdebstrap and dpkg say, and what is to be done then.
CAUSES = (
    (
        r"is expired|not valid yet",
        "the mirror's Release file is past its date, or this machine's clock is wrong",
    ),
    (
        r"NO_PUBKEY|not signed|keyring",
        "this suite's keys are missing: `apt-get install debian-archive-keyring`",
    ),
    (
        r"Could not resolve|Temporary failure|Could not connect|Network is unreach",
        "the mirror cannot be reached: check the network and apt's proxy settings",
    ),
    (
        r"does not have a Release file|404 +Not Found",
        "the mirror lacks this suite: set the suite's variable, such as "
        f"{MIRROR_VARIABLE}_BULLSEYE, to one that has it",
    ),
    (
        r"Version '.*' for '.*' was not found",
        "the mirror has another version by now: give that in the record's `packages` "
        "and `version`",
    ),
    (r"No space left|not enough free space", "the disk is full: free about 1 GB"),
    (r"Operation not permitted", "run as root, outside a locked-down container"),
)


def mirror_variable(suite: str) -> str:
    """Name the variable for the mirror of one suite, where another lacks it."""
    return f"{MIRROR_VARIABLE}_{suite.upper().replace('-', '_')}"


def source(suite: str) -> str:
    """Give the line of sources.list for a suite, signed by Debian's keys."""
    signed = f" [signed-by={_KEYS}]" if _KEYS.is_file() else ""
    return f"deb{signed} {mirror(suite)} {suite} main"


def mirror(suite: str) -> str:
    """Give the mirror for a suite: the variables', else what apt is configured with.

    The suite's own variable comes before the one for all. EngineError when there is no
    apt, or no Debian mirror among its sources.
    """
    for variable in (mirror_variable(suite), MIRROR_VARIABLE):
        if chosen := os.environ.get(variable):
            return chosen.rstrip("/")
    if shutil.which("apt-get") is None:
        raise EngineError(
            "no apt-get here: this is neither Debian nor derived from it", hint=WAYS_OUT
        )
    answer = subprocess.run(
        ["apt-get", "--print-uris", "update"],
        capture_output=True,
        text=True,
        check=False,
        env=process.environment(),
    )
    found = parse_mirror(answer.stdout)
    if found is None:
        raise EngineError(
            "apt's sources name no Debian mirror",
            where="apt-get --print-uris update",
            hint=f"set {MIRROR_VARIABLE}, or {mirror_variable(suite)}, to the URL of "
            f"one; {WAYS_OUT}",
        )
    return found


def parse_mirror(uris: str) -> str | None:
    """Read the first Debian mirror out of what `apt-get --print-uris update` says.

    Security and updates suites have other names, other vendors other code names.
    """
    match = _INDEX.search(uris)
    return match["site"] if match else None


def need(tool: str, say: Say, *, package: str | None = None) -> None:
    """See to it that `tool` is here; as root with apt it is installed, and said so."""
    if shutil.which(tool):
        return
    package = package or tool
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise EngineError(
            f"{tool} is missing",
            hint=f"as root: `apt-get install {package}`; {WAYS_OUT}",
        )
    say(f"installing {package} with apt-get (it unpacks Debian's packages)")
    install = [
        "apt-get", "install", "-y", "-q", "--no-install-recommends",
        "-o", "DPkg::Lock::Timeout=300", package,
    ]  # fmt: skip
    try:
        run(install, what=f"installing {package}")
    except EngineError:
        # the lists of a fresh machine are empty, those of an old one out of date
        run(["apt-get", "update", "-q"], what="apt-get update")
        run(install, what=f"installing {package}")


def download(
    package: str, suite: str, folder: Path, *, lock: int, stale: bool = False
) -> Path:
    """Unpack one package of a suite below `folder`, its dependencies left out.

    Works without root and without mmdebstrap; apt's own state is not touched.
    """
    if shutil.which("dpkg-deb") is None:
        raise EngineError("no dpkg-deb here: this is not Debian", hint=WAYS_OUT)
    state = folder / "apt"
    for each in ("lists/partial", "cache/archives/partial", "etc"):
        (state / each).mkdir(parents=True)
    (state / "status").touch()
    (state / "etc" / "sources.list").write_text(f"deb {mirror(suite)} {suite} main\n")
    options = [
        f"Dir::State::Lists={state}/lists",
        f"Dir::State::status={state}/status",
        f"Dir::Cache={state}/cache",
        f"Dir::Etc::SourceList={state}/etc/sources.list",
        "Dir::Etc::SourceParts=/dev/null",
        "Acquire::Languages=none",
        "APT::Sandbox::User=root",
        *(f"{key}={value}" for key, value in freshness(stale=stale).items()),
    ]
    apt = ["apt-get", "-q", *(f"-o{each}" for each in options)]
    what = f"downloading {package} of Debian {suite}"
    run([*apt, "update", "--error-on=any"], what=what, lock=lock)
    run(
        [*apt, "install", "-y", "--download-only", "--no-install-recommends", package],
        what=what,
        lock=lock,
    )
    unpacked = folder / "root"
    for archive in sorted((state / "cache" / "archives").glob(f"{package}_*.deb")):
        run(["dpkg-deb", "-x", str(archive), str(unpacked)], what=what, lock=lock)
    shutil.rmtree(state)
    return unpacked


def freshness(*, stale: bool) -> dict[str, str]:
    """Give apt's options for a suite: patience, and what a stale Release file needs."""
    patience = {"Acquire::Retries": "2", "Acquire::http::Timeout": "20"}
    return patience | ({"Acquire::Check-Valid-Until": "false"} if stale else {})


def run(command: Sequence[str], *, what: str, lock: int | None = None) -> str:
    """Run one of Debian's tools to its end; EngineError says what is to be done."""
    return process.run(command, what=what, lock=lock, causes=CAUSES)
