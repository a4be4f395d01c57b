"""What is observed of builds on a real engine, with both builders."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from harness.builders.records import standard_builders
from harness.cases.case import Case, load_case
from harness.engines import Engine
from harness.images.base import from_archive
from harness.images.salted import salted
from harness.judge.properties import letters
from harness.measure.base_copies import PREFIX, loaded, new_base
from harness.measure.observation import BuildRecord
from harness.measure.observe import Measurement, observe
from harness.measure.open_target import OpenTarget

pytestmark = pytest.mark.engine

Make = Callable[[str], Case]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def write(text: str) -> Case:
        (tmp_path / "groups.toml").write_text('[demo]\ntitle = "Demo"\n')
        path = tmp_path / "demo" / "case.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text("title: t\nwhy: w\n" + textwrap.dedent(text))
        return load_case(path, tmp_path, standard_builders())

    return write


def on(open_target: OpenTarget) -> Engine:
    assert open_target.engine is not None
    return open_target.engine


def api(open_target: OpenTarget) -> docker.APIClient:
    assert open_target.client is not None
    return open_target.client


def only(measurement: Measurement) -> BuildRecord:
    (build,) = measurement.observation.builds
    return build


ARTICLE = """
    context: {test.txt: "test"}
    dockerfile: |
      ARG BASE
      FROM ${BASE}
      RUN mkdir -p /test
      COPY ./test.txt .
      COPY ./test.txt .
      COPY ./test.txt .
      RUN mkdir -p /test
      RUN mkdir -p /test
      RUN mkdir -p /test2
      RUN mkdir -p /test2
      COPY ./test.txt .
      RUN mkdir -p test
      CMD ["echo", "test123"]
"""


def test_the_articles_experiment_gives_seven_and_eleven_layers(
    open_target: OpenTarget, make: Make
) -> None:
    build = only(observe(make(ARTICLE), open_target))
    pattern = letters(build.layers, "content")
    assert build.below == 1
    assert (
        pattern
        == {
            "legacy": "A B B B C B",
            "buildkit": "A B B B C C D C B C",
        }[open_target.target.builder.name]
    )
    lines = [layer.line for layer in build.layers]
    assert (
        lines
        == {
            "legacy": [3, 4, 5, 6, 9, 11],
            "buildkit": [3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        }[open_target.target.builder.name]
    )


def test_equal_copies_have_equal_diff_ids_that_another_run_gives_too(
    open_target: OpenTarget, make: Make
) -> None:
    first, second = (only(observe(make(ARTICLE), open_target)) for _ in range(2))
    copies = {layer.diff_id for layer in first.layers if layer.line in {4, 5, 6, 11}}
    assert len(copies) == 1
    assert None not in copies
    assert first == second


def test_a_second_build_is_cached_up_to_the_changed_line(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        builds:
          first:
            context: {a: a}
            dockerfile: &shared |
              ARG BASE
              FROM ${BASE}
              RUN mkdir /one
              COPY a /
              RUN mkdir /two
          second:
            context: {a: a}
            dockerfile: |
              ARG BASE
              FROM ${BASE}
              RUN mkdir /one
              COPY a /
              RUN mkdir /three
        """
    )
    # Twice: an earlier run of the same case must leave nothing in the cache.
    for _ in range(2):
        first, second = observe(case, open_target).observation.builds
        assert [each.cached for each in first.steps] == [False, False, False]
        assert [each.cached for each in second.steps] == [True, True, False]
        assert second.relations[0].leading == 2


def test_what_was_deleted_is_a_whiteout_and_gone_from_the_merged_view(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        dockerfile: |
          ARG BASE
          FROM ${BASE}
          RUN rm /etc/motd && rm -r /opt && mkdir /opt && echo x > /opt/x
        """
    )
    changes = {
        each.path: each for each in only(observe(case, open_target)).layers[0].changes
    }
    assert changes["/etc/motd"].change == "deleted"
    assert changes["/opt/x"].change == "added"


def test_a_failing_line_is_named_with_its_error(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        dockerfile: |
          ARG BASE
          FROM ${BASE}
          RUN true

          RUN exit 3
        expect: [{because: it exits, build: {error: "3", line: 5}}]
        """
    )
    build = only(observe(case, open_target))
    assert (build.outcome, build.error_line) == ("error", 5)
    assert "3" in build.error


def test_a_parse_error_is_a_failed_build_with_its_line(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        dockerfile: |
          ARG BASE
          FROM ${BASE}
          NOSUCH thing
        """
    )
    build = only(observe(case, open_target))
    assert (build.outcome, build.error_line) == ("error", 3)
    assert "NOSUCH" in build.error


def test_a_hung_build_is_ended_at_its_limit_and_runs_no_more(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        dockerfile: |
          ARG BASE
          FROM ${BASE}
          RUN while true; do echo again; sleep 1; done
        """
    )
    impatient = replace(open_target, limit=3.0)
    assert only(observe(case, impatient)).outcome == "timeout"
    # The engine is as good as before, and has no container of the build.
    assert only(observe(make(ARTICLE), open_target)).outcome == "ok"
    containers = api(open_target).containers(all=True)
    assert [each for each in containers if "echo again" in each["Command"]] == []


def test_an_image_without_layers_is_observed_though_it_cannot_be_exported(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        dockerfile: |
          FROM scratch
          LABEL a=b
        """
    )
    build = only(observe(case, open_target))
    assert (build.outcome, build.layers) == ("ok", ())
    assert build.config["Labels"] == {"a": "b"}
    assert [each.layer for each in build.steps] == [None]


def test_a_stage_brings_its_layers_with_their_lines(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        dockerfile: |
          ARG BASE
          FROM ${BASE} AS one
          RUN mkdir /one
          FROM ${BASE} AS other
          RUN mkdir /other
          FROM one
          COPY --from=other /other /copied
        """
    )
    build = only(observe(case, open_target))
    assert [layer.line for layer in build.layers] == [3, 7]


def test_what_came_from_cache_in_another_stage_is_told(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        builds:
          first:
            dockerfile: &shared |
              ARG BASE
              FROM ${BASE} AS made
              RUN echo 1 > /one
              FROM ${BASE}
              COPY --from=made /one /two
          second:
            dockerfile: *shared
        expect: [{because: it was built before, of: second, cached: [3, 5]}]
        """
    )
    first, second = observe(case, open_target).observation.builds
    told = [
        [(each.line, each.stage, each.layer, each.cached) for each in build.all_steps]
        for build in (first, second)
    ]
    assert told == [
        [(5, None, 1, False), (3, 0, None, False)],
        [(5, None, 1, True), (3, 0, None, True)],
    ]


def test_a_stage_that_nothing_uses_is_run_by_one_builder_alone(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        dockerfile: |
          ARG BASE
          FROM ${BASE} AS unused
          RUN echo 1 > /one
          FROM ${BASE} AS used
          RUN echo 2 > /two
          FROM ${BASE}
          COPY --from=used /two /
        """
    )
    others = only(observe(case, open_target)).other_steps
    assert others is not None
    run = [each.line for each in others]
    assert run == {"legacy": [3, 5], "buildkit": [5]}[open_target.target.builder.name]


def test_the_directories_on_disk_are_those_of_the_export(
    open_target: OpenTarget, make: Make
) -> None:
    if on(open_target).data_root is None or on(open_target).storage != "overlay2":
        pytest.skip("the engine's directories cannot be read here")
    case = make(
        """
        dockerfile: |
          ARG BASE
          FROM ${BASE}
          RUN rm /etc/motd && rm -r /usr/local && mkdir /usr/local
          RUN mkfifo /pipe && ln -s /pipe /link && echo x > /x && ln /x /y
        expect: [{because: article C13, on_disk: {equals_export: true}}]
        """
    )
    record = only(observe(case, open_target)).on_disk
    assert record is not None
    assert record.equals_export
    assert record.lower_gives_order
    assert record.lowest_has_no_lower
    assert not record.names_are_diff_ids


def test_a_container_writes_to_a_layer_of_its_own_which_goes_with_it(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        dockerfile: |
          ARG BASE
          FROM ${BASE}
          RUN mkdir /data
        run: [sh, -c, "echo x > /data/x; rm /etc/motd"]
        expect: [{because: article C14, container: {removed: true}}]
        """
    )
    record = only(observe(case, open_target)).container
    assert record is not None
    assert record.exit_code == 0
    assert record.writes == ("/data/x", "/etc/motd")
    assert record.image_unchanged
    assert record.removed


def test_files_of_the_build_s_time_are_not_reproducible_those_of_the_context_are(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        context: {a: a}
        dockerfile: |
          ARG BASE
          FROM ${BASE}
          COPY a /
        expect: [{because: x, reproducible: true}]
        """
    )
    assert only(observe(case, open_target)).reproducible is True
    case = make(
        """
        dockerfile: |
          ARG BASE
          FROM ${BASE}
          RUN echo a > /a
        expect: [{because: x, reproducible: false}]
        """
    )
    assert only(observe(case, open_target)).reproducible is False


def test_a_later_build_begins_from_an_earlier_one_and_runs_its_triggers(
    open_target: OpenTarget, make: Make
) -> None:
    case = make(
        """
        builds:
          first:
            dockerfile: |
              ARG BASE
              FROM ${BASE}
              RUN mkdir /one
              ONBUILD RUN mkdir /triggered
          second:
            dockerfile: |
              ARG BUILD_FIRST
              FROM ${BUILD_FIRST}
              RUN mkdir /two
        """
    )
    _, second = observe(case, open_target).observation.builds
    assert second.below == 2
    assert [each.changes[0].path for each in second.layers] == ["/triggered", "/two"]
    assert [each.line for each in second.layers][-1] == 3
    assert second.note == ""


def test_images_that_a_build_only_uses_are_left_alone(
    open_target: OpenTarget, make: Make
) -> None:
    mine = "somebody/image:latest"
    api(open_target).tag(open_target.shared, "somebody/image", "latest")
    api(open_target).remove_image(open_target.shared)
    try:
        only(observe(make(ARTICLE.replace("${BASE}", mine)), open_target))
        assert api(open_target).images(name=mine)
    finally:
        name, _, tag = open_target.shared.partition(":")
        api(open_target).tag(mine, name, tag)
        api(open_target).remove_image(mine)


def test_a_run_that_prints_an_image_s_id_does_not_have_it_removed(
    open_target: OpenTarget, make: Make
) -> None:
    mine = (
        api(open_target)
        .inspect_image(open_target.shared)["Id"]
        .removeprefix("sha256:")[:12]
    )
    case = make(
        f"""
        dockerfile: |
          ARG BASE
          FROM ${{BASE}}
          RUN echo ' ---> {mine}'
        """
    )
    only(observe(case, open_target))
    assert api(open_target).images(name=open_target.shared)


def test_an_image_that_was_salted_before_can_be_the_base(
    open_target: OpenTarget, make: Make, tmp_path: Path
) -> None:
    path = tmp_path / "once.tar"
    with path.open("wb") as out:
        salted(open_target.base, "one", "layer-harness/once:salted", out)
    twice = replace(open_target, base=from_archive(path), shared=new_base())
    with loaded(api(open_target), twice.base, twice.shared):
        workdir = make("dockerfile: |\n  ARG BASE\n  FROM ${BASE}\n  WORKDIR /new\n")
        assert only(observe(workdir, twice)).below == 1


def test_nothing_of_ours_is_left_on_the_engine(
    open_target: OpenTarget, make: Make
) -> None:
    def ours() -> set[str]:
        names = [
            tag
            for image in api(open_target).images()
            for tag in image["RepoTags"] or ()
        ]
        return {name for name in names if name.startswith(PREFIX)}

    before = ours()
    assert open_target.shared in before
    observe(make(ARTICLE), open_target)
    assert ours() == before
