"""Run one benchmark, or all: `python -m benchmarks [NAME]...`."""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(each.stem for each in HERE.glob("*.py") if not each.stem.startswith("_"))

for name in sys.argv[1:] or NAMES:
    if name not in NAMES:
        sys.exit(f"no benchmark {name}: {', '.join(NAMES)}")
    print(f"== {name}", flush=True)
    sys.argv = [name]
    importlib.import_module(f"benchmarks.{name}").main()
