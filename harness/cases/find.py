"""Find the files of cases: `GROUP/CASE.yaml` below a folder with `groups.toml`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from harness.errors import CaseError

ENDINGS: Final = (".yaml", ".yml")


def find_cases(root: Path) -> list[Path]:
    """List the case files below `root`, sorted; two with one id are refused."""
    groups_file(root)
    seen: dict[Path, Path] = {}
    paths = [path for group in group_folders(root) for path in case_files(group)]
    for path in paths:
        twin = seen.setdefault(path.with_suffix(""), path)
        if twin != path:
            raise CaseError(
                f"two cases with the id {path.relative_to(root).with_suffix('')}",
                where=str(path),
                hint=f"the other one is {twin}; rename one",
            )
    return paths


def groups_file(root: Path) -> Path:
    """Name the file with the headings of groups; CaseError where there is none."""
    path = root / "groups.toml"
    if not path.exists():
        raise CaseError(
            "no cases here: groups.toml is missing",
            where=str(root),
            hint="start in the folder that holds cases/, or give --cases FOLDER",
        )
    return path


def group_folders(root: Path) -> list[Path]:
    """List the folders of groups; CaseError for a link that leads elsewhere."""
    found = [each for each in entries(root) if each.is_dir()]
    for each in found:
        if each.is_symlink() and leads_out(each, root):
            raise CaseError(
                "a link out of the folder of cases",
                where=str(each),
                hint="move the group there, or name its own folder with --cases",
            )
    return found


def case_files(group: Path) -> list[Path]:
    """List what is named as a case in the folder of a group."""
    return [path for path in entries(group) if path.suffix in ENDINGS]


def entries(folder: Path) -> list[Path]:
    """List a folder, sorted; nothing where it is not, CaseError if it is closed."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise CaseError(
            f"cannot be read: {error.strerror}", where=f"{folder!s:.200}"
        ) from error


def leads_out(path: Path, root: Path) -> bool:
    """Say whether a path, its links followed, is outside of the folder `root`."""
    inside = Path(os.path.realpath(root))
    return not Path(os.path.realpath(path)).is_relative_to(inside)
