"""Write `data/base.json` from the standard base as it is built.

`python -m harness.measure.write_standard_base`, after a change of the base; a test
fails where the file is stale.
"""

from __future__ import annotations

from harness.engines import roots
from harness.images.base import Base, standard_base
from harness.measure.observe import merged
from harness.measure.standard_base import KnownBase, place, text


def known(base: Base) -> KnownBase:
    """Tell what a base holds as results tell it."""
    view = merged(tuple(layer.entries for layer in base.layers))
    return KnownBase(diff_ids=base.diff_ids, view=view)


if __name__ == "__main__":
    busybox = roots.busybox(roots.cache_folder(), print)
    place().write_text(text(known(standard_base(busybox))), encoding="utf-8")
