"""Reading an image archive against `sha256sum` of it, and the peak memory of reading.

One archive with a file of a gibibyte, one with 100,000 small files, each with plain and
with gzip layers. Reading happens in a process of its own, so that its peak is its own.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from harness.dockerfile.context import ContextFile, write_tar
from harness.images.image import read_archive
from harness.tar.write import END, Header, encode, padding

CHUNK = 1 << 20


def large(megabytes: int) -> list[ContextFile]:
    """Give one file of so many MiB."""
    return [ContextFile(path="blob.bin", random=(megabytes << 20, 7))]


def many(files: int) -> list[ContextFile]:
    """Give so many files of a thousand bytes."""
    return [
        ContextFile(path=f"folder{each % 100:02}/file{each:06}", random=(1000, each))
        for each in range(files)
    ]


def store(out: BinaryIO, name: str, source: Path) -> None:
    """Put a file into an archive."""
    size = source.stat().st_size
    out.write(encode(Header(path=name, size=size)))
    with source.open("rb") as file:
        out.writelines(iter(lambda: file.read(CHUNK), b""))
    out.write(padding(size))


def archive(folder: Path, files: Iterable[ContextFile], *, packed: bool) -> Path:
    """Write an image of one layer, as an engine saves it."""
    layer, stored = folder / "layer", folder / "layer"
    with layer.open("wb") as out:
        write_tar(files, out)
    with layer.open("rb") as plain:
        diff_id = hashlib.file_digest(plain, "sha256").hexdigest()
    if packed:
        stored = folder / "layer.gz"
        with layer.open("rb") as plain, gzip.open(stored, "wb", 1) as out:
            out.writelines(iter(lambda: plain.read(CHUNK), b""))
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]}
    named = {"Config": "config.json", "RepoTags": ["x:1"], "Layers": ["layer.tar"]}
    (folder / "config").write_text(json.dumps({"rootfs": rootfs}))
    (folder / "manifest").write_text(json.dumps([named]))
    with (folder / "image").open("wb") as out:
        store(out, "layer.tar", stored)
        store(out, "config.json", folder / "config")
        store(out, "manifest.json", folder / "manifest")
        out.write(END)
    return folder / "image"


def seconds(work: Callable[[], object]) -> float:
    """Time some work; the better of two, so that the file is in memory."""
    times = []
    for _ in range(2):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def read(path: Path) -> None:
    """Read an archive and print the seconds it took and the peak of memory in MB."""

    def work() -> None:
        with path.open("rb") as stream:
            read_archive(stream)

    took = seconds(work)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([took, peak]))


def main(arguments: Sequence[str] = ()) -> None:
    """Print a line for each archive."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks read_image")
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--files", type=int, default=100_000)
    chosen = parser.parse_args(arguments)
    for title, files in (
        (f"a file of {chosen.megabytes} MiB", large(chosen.megabytes)),
        (f"{chosen.files:,} files", many(chosen.files)),
    ):
        for packed in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                path = archive(Path(folder), files, packed=packed)
                command = [sys.executable, "-m", "benchmarks.read_image", str(path)]
                child = subprocess.run(command, check=True, capture_output=True)
                took, peak = cast("tuple[float, float]", json.loads(child.stdout))
                hashing = ["sha256sum", str(path)]
                again = partial(
                    subprocess.run, hashing, check=True, capture_output=True
                )
                print(
                    f"{title}, {'gzip' if packed else 'plain'}: {took:.2f} s, "
                    f"sha256sum {seconds(again):.2f} s, peak {peak:.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    read(Path(sys.argv[1]))
