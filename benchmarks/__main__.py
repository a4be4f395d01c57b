"""Run benchmarks: `python -m benchmarks [--few] [NAME [ARGUMENT...]]`.

Without a name all are run, one after the other. With `--few` each is run on little, to
see that it still works: what a scheduled job of CI does.
"""

import sys

from benchmarks import (
    check,
    growth,
    overhead,
    read_image,
    start_engine,
    startup,
    time_spent,
)

#: Each benchmark, and the arguments that have it do little.
BENCHMARKS = {
    "check": (check.main, ["--few"]),
    "growth": (growth.main, ["--few"]),
    "overhead": (overhead.main, ["article"]),
    "read_image": (read_image.main, ["--megabytes", "16", "--files", "2000"]),
    "start_engine": (start_engine.main, ["bookworm", "1"]),
    "startup": (startup.main, ["--runs", "1"]),
    "time_spent": (time_spent.main, ["article", "--times", "1"]),
}


def run(words: list[str]) -> None:
    """Run what `words` ask for; SystemExit for a name that is none."""
    few = words[:1] == ["--few"]
    names = words[1:] if few else words
    if names and names[0] not in BENCHMARKS:
        sys.exit(f"no benchmark {names[0]}: {', '.join(BENCHMARKS)}")
    for name in names[:1] or BENCHMARKS:
        main, little = BENCHMARKS[name]
        print(f"== {name}", flush=True)
        main([*(little if few else ()), *names[1:]])


if __name__ == "__main__":
    run(sys.argv[1:])
