"""Draw README's picture: what `explain` prints, as it looks in a terminal.

Run `tox run -e picture` after a change of what `explain` prints.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COMMAND = (
    *("explain", "volume/run-after"),
    *("-t", "legacy@20.10.24", "-t", "buildkit@28.5.2", "-t", "buildah@1.39.3+overlay"),
)
PLACE = Path(__file__).with_name("explain.svg")
COLUMNS = 112


def main() -> None:
    """Run the command on the committed results, and write the picture."""
    said = subprocess.run(
        [sys.executable, "-m", "harness", *COMMAND],
        check=True,
        capture_output=True,
        text=True,
        cwd=PLACE.parents[1],
        env={**os.environ, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1"},
    ).stdout
    # the noise rules are for those who look into a result
    shown = said.partition("Noise rules applied")[0].rstrip()
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text(f"$ layer-harness {' '.join(COMMAND)}", style="bold"))
    console.print(Text.from_ansi(shown))
    PLACE.write_text(
        console.export_svg(title="layer-harness explain", unique_id="explain"),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
