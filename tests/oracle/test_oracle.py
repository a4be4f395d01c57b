"""What the harness observes of the catalogue's cases is what was measured of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from harness.builders.records import standard_builders
from harness.provision.plan import engine_targets
from harness.provision.sources import EMBEDDED
from harness.targets.target import Target
from oracle import catalogue, explained, plain
from oracle.driver import Ground, measure
from oracle.plugin import PROPERTY, Grounds

pytestmark = pytest.mark.engine

BUILDERS = ("legacy", "buildkit")
#: What runs without `--oracle-engine`, on the embedded engine: of each kind of case the
#: cheap ones that say most, some that fail, one of each reason, and sequences.
SUBSET = """
add_dir add_tar_chown add_tar_root add_tar_special
arg_before_from_scope arg_buildarg
bare_run
cache_label_change cache_mtime cache_owner cache_target
copy_chown_nogroup copy_chown_scratch copy_dst_symlink_dir copy_existing_dir copy_fifo
copy_modes copy_symlink_dir copy_unicode
di_dockerfile
fs_file_to_dir fs_hard_new fs_rename_file fs_rm_etc_dir fs_two_deletes fs_xattr
meta_all meta_history_order
mount_bind_from
ms_copyfrom_name ms_copyfrom_missing_file ms_unused_copy_missing
noop_append_nothing noop_last
opt_dockerfile_path
parse_crlf parse_missing_df parse_unknown_after
scratch_meta
user_run_files
volume_copy
workdir_then_copy
""".split()  # noqa: SIM905  # read as a list of names


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "builder" in metafunc.fixturenames:
        asked = metafunc.config.getoption("oracle_engine")
        names = catalogue.names() if asked else SUBSET
        metafunc.parametrize(
            ("engine_name", "builder", "name"),
            [
                (engine, builder, name)
                for engine in asked or [EMBEDDED]
                for builder in BUILDERS
                for name in names
            ],
        )


@pytest.fixture
def ground(engine_name: str, grounds: Grounds) -> Ground:
    return grounds.get(engine_name)


@pytest.fixture
def target(builder: str, ground: Ground) -> Target:
    offered = engine_targets(ground.engine, standard_builders())
    return next(each for each in offered if each.builder.name == builder)


def test_ours_is_what_was_measured(
    name: str,
    target: Target,
    ground: Ground,
    sx: bytes | None,
    record_property: Callable[[str, Any], None],
) -> None:
    if sx is None and any(
        re.search(rb"\bsx \w", step.dockerfile)
        for step in catalogue.steps(name, words={})
    ):
        pytest.skip("its base needs a helper in C, and there is no compiler")
    found = plain.differences(
        plain.measured(name, target.id),
        plain.ours(name, measure(name, target, ground)),
    )
    judged = explained.judge(name, target.id, found, explained.entries())
    record_property(PROPERTY, json.dumps([target.id, judged.word, judged.reasons]))
    assert not judged.unexplained
    assert not judged.unneeded
