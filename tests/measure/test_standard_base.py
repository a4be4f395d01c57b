"""What is known of the standard base without building it."""

from __future__ import annotations

import pytest

from harness.engines import roots
from harness.errors import HarnessError
from harness.images import base
from harness.measure.standard_base import known_base, place, text, view_of
from harness.measure.write_standard_base import known


@pytest.mark.engine
def test_what_is_stored_of_the_base_is_what_is_built() -> None:
    try:
        busybox = roots.busybox(roots.cache_folder(), print)
    except HarnessError as error:
        pytest.skip(f"no busybox: {error}")
    written = text(known(base.standard_base(busybox)))
    assert place().read_text() == written, (
        "run: python -m harness.measure.write_standard_base"
    )


def test_what_is_stored_of_the_base_reads_back() -> None:
    base = known_base()
    assert text(base) == place().read_text()
    assert base.view["/bin/sh"].link == "/bin/busybox"
    assert base.view["/tmp"].mode == "1777"  # a path in an image


def test_another_base_is_not_known() -> None:
    base = known_base()
    assert view_of(base.diff_ids) is base.view
    assert view_of(["sha256:0"]) is None
    assert view_of([]) is None
