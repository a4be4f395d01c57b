"""Records of command builders: what ships, and how a mistake in one is told."""

from __future__ import annotations

import io
import re
from pathlib import Path, PurePosixPath

import pytest

from harness.builders import Request
from harness.builders.arguments import CommandInputs, Layout, command
from harness.builders.record import OPTIONS
from harness.builders.records import load_records, standard_records
from harness.errors import CaseError, Unsupported

#: A record that says all it must and nothing more.
LEAST = """
[mine]
title = "mine"
family = "mine"
homepage = "https://example.org"
docs = ["https://example.org/docs"]
place = "own"
path = "mine"
ask = ["mine", "--version"]
pattern = 'v(\\d+)'
build = ["mine", "{options}", "--to={output}", "{context}"]
conventions.steps = "stages"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "builders.toml"
    path.write_text(text, encoding="utf-8")
    return path


def request(**what: object) -> Request:
    given: dict[str, object] = {"context": io.BytesIO(), "tag": "a:b", "cold": False}
    return Request(**(given | what))  # type: ignore[arg-type]


def inputs(version: str = "1.28.2", **what: object) -> CommandInputs:
    words = {"context": "/c", "dockerfile": "/c/Dockerfile", "tag": "a:b"}
    return CommandInputs(words=words, version=version, **what)  # type: ignore[arg-type]


def options_of(name: str, asked: Request, offered: CommandInputs) -> list[str]:
    """Give the words that a request adds to a build without any wish."""
    record = standard_records()[name]
    plain = command(record, request(), inputs())
    return [word for word in command(record, asked, offered) if word not in plain]


def test_a_record_needs_little(tmp_path: Path) -> None:
    (record,) = load_records(written(tmp_path, LEAST)).values()
    assert (record.name, record.path, record.stores) == ("mine", "mine", ())
    assert not record.is_measured


@pytest.mark.parametrize("name", standard_records())
def test_a_record_that_ships_says_where_it_is_from(name: str) -> None:
    record = standard_records()[name]
    assert all(each.startswith("https://") for each in (record.homepage, *record.docs))
    assert record.is_measured or record.note


@pytest.mark.parametrize("name", standard_records())
def test_what_a_record_can_and_cannot_is_never_both(name: str) -> None:
    record = standard_records()[name]
    assert not set(record.options) & set(record.cannot)
    assert {*record.options, *record.cannot} <= set(OPTIONS)


def test_measured_versions_of_packages_are_those_that_were_run() -> None:
    for name in ("buildah", "buildah-layers", "podman", "buildx-0.13", "buildx-0.29"):
        record = standard_records()[name]
        assert record.measured == tuple(each.version for each in record.suites)


def test_a_record_grows_from_another_but_was_not_measured_by_that(
    tmp_path: Path,
) -> None:
    text = '[mine]\nlike = "buildah"\ntitle = "mine"\nenvironment.A = "{config}/a"\n'
    (record,) = load_records(written(tmp_path, text)).values()
    assert record.build == standard_records()["buildah"].build
    assert record.environment == {"A": "{config}/a"}
    assert record.measured == ()


def test_a_record_may_be_like_one_above_it_in_the_same_file(tmp_path: Path) -> None:
    text = LEAST + '[other]\nlike = "mine"\nconventions.history = "last"\n'
    records = load_records(written(tmp_path, text))
    assert records["other"].conventions.history == "last"
    assert records["other"].conventions.steps == "stages"


@pytest.mark.parametrize(
    ("change", "place", "message", "hint"),
    [
        (("family", "famly"), "4:1", "unknown key `famly`", "did you mean `family`?"),
        (("place = ", "#"), "2:2", "`mine.place` is missing", "it must be given"),
        (('"own"', '"engin"'), "7:1", "no such value 'engin'", "`engine`"),
        (
            ("{context}", "{contxt}"),
            "11:1",
            "the placeholder `{contxt}` is not allowed",
            "`context`",
        ),
        (("{options}", "x"), "2:2", "no place for options", 'the word "{options}"'),
        (("{output}", "x"), "2:2", "how the image comes out", "give `export`"),
        (("(", ""), "10:1", "not a regular expression", "see Python's module re"),
        ((r"(\d+)", r"\d+"), "10:1", "with one group", "such as"),
        (('path = "mine"', ""), "2:2", "where the tool comes from", "give `path`"),
        (("stages", "stage"), "12:1", "no such value 'stage'", "`stages`"),
        (("[mine]", "[Mine]"), "2:2", "`Mine` is not a name", "small letters"),
        (('"mine", "--version"', "1"), "9:1", "needs a text", 'in quotes: "1"'),
    ],
)
def test_a_mistake_has_its_place_and_what_was_meant(
    tmp_path: Path, change: tuple[str, str], place: str, message: str, hint: str
) -> None:
    assert change[0] in LEAST
    path = written(tmp_path, LEAST.replace(*change))
    with pytest.raises(CaseError) as caught:
        load_records(path)
    assert caught.value.where == f"{path}:{place}"
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('files."../../../x" = "y"', "is not a path below the folder {config}"),
        ('files."/x" = "y"', "is not a path below the folder {config}"),
        ('files."" = "y"', "is not a path below the folder {config}"),
        (f'files."{"a" * 256}" = "y"', "is not a path below the folder {config}"),
        ('files."a\\u0000b" = "y"', "a text with the character U+0000"),
        ('environment."A=B" = "c"', "is not a name for a variable"),
        ('environment.A = "\\u0000"', "a text with the character U+0000"),
        ('stores = ["../x"]', "`../x` is not a name for a store"),
        ("pattern = '(a{99999999999999999999})'", "not a regular expression"),
        (f"pattern = '{'(' * 5000}'", "longer than 1000 characters"),
        ("like = ['a']", "unknown builder `['a']`"),
        ("like = {a = 1}", "unknown builder `{'a': 1}`"),
        (f"note = {'9' * 5000}", "a number of more than 64 bits"),
        (f"note = 0x{'f' * 5000}", "a number of more than 64 bits"),
        (f"note = {'[' * 5000}{']' * 5000}", "nested too deeply"),
        (f"note.{'a.' * 200}b = 1", "a key of over 10 parts"),
        ('debian = [{suite="../x", version="1", packages=["a"]}]', "match pattern"),
        ('debian = [{suite="x", version="1", packages=["--help"]}]', "match pattern"),
        ('debian = [{suite="x", version="1", packages=["a=-o"]}]', "match pattern"),
        (
            'debian = [{suite="x", beside="y z", version="1", packages=["a"]}]',
            "match pattern",
        ),
    ],
)
def test_a_record_is_no_way_out_and_breaks_nothing(
    tmp_path: Path, more: str, message: str
) -> None:
    key = more.partition(" ")[0].partition(".")[0]
    kept = [each for each in LEAST.splitlines() if not each.startswith(f"{key} ")]
    path = written(tmp_path, "\n".join([*kept, more, ""]))
    with pytest.raises(CaseError) as caught:
        load_records(path)
    assert message in caught.value.message
    assert caught.value.where.startswith(f"{path}")
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize("name", ['"mine\\n"', "m" * 65])
def test_the_name_of_a_builder_is_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(CaseError, match="is not a name for a builder"):
        load_records(written(tmp_path, f'[{name}]\nlike = "buildah-layers"\n'))


@pytest.mark.parametrize(
    ("more", "place", "message"),
    [
        ('options.lable = ["x"]', "13:1", "unknown option `lable`"),
        ('options.label = ["{ky}"]', "13:1", "the placeholder `{ky}` is not allowed"),
        (
            'environment.A = "{contxt}"',
            "13:1",
            "the placeholder `{contxt}` is not allowed",
        ),
        ('like = "buildha"', "13:1", "unknown builder `buildha`"),
        (
            'limits = [\n  { option = "cold", versions = "old", reason = "x" },\n]',
            "14:22",
            "`old` is not a version range",
        ),
        (
            '[[mine.debian]]\nsuite = "sid"\nversion = "1"\npackages = ["a"]\n'
            '[[mine.debian]]\nsuite = "sid"\nversion = 1\npackages = ["a"]\n',
            "19:1",
            "needs a text",
        ),
    ],
)
def test_a_mistake_inside_a_table_has_its_own_line(
    tmp_path: Path, more: str, place: str, message: str
) -> None:
    path = written(tmp_path, LEAST + more + "\n")
    with pytest.raises(CaseError) as caught:
        load_records(path)
    assert caught.value.where == f"{path}:{place}"
    assert message in caught.value.message


def test_each_part_of_a_request_is_said_in_the_builder_s_own_words() -> None:
    asked = request(
        target="end",
        args={"B": "2", "A": "1 {tag}"},
        labels={"l": "x"},
        cold=True,
        ssh=True,
        options={"networkmode": "none", "extrahosts": "a:1,b:2", "memory": None},
    )
    offered = inputs(
        secrets={"key": PurePosixPath("/s")},
        socket=PurePosixPath("/agent"),
        contexts={"other": PurePosixPath("/o")},
    )
    assert options_of("buildah-layers", asked, offered) == [
        "--no-cache", "--target=end", "--build-arg=A=1 {tag}", "--build-arg=B=2",
        "--label=l=x", "--secret=id=key,src=/s", "--ssh=default=/agent",
        "--build-context=other=/o", "--add-host=a:1", "--add-host=b:2",
        "--network=none",
    ]  # fmt: skip


def test_a_client_asks_for_no_attestation_unless_the_request_does() -> None:
    plain = command(standard_records()["buildx-0.29"], request(), inputs())
    assert "--provenance=false" in plain
    asked = command(
        standard_records()["buildx-0.29"], request(provenance=True), inputs()
    )
    assert "--provenance=true" in asked
    assert "--provenance=false" not in asked


def test_a_base_as_a_layout_is_named_to_the_build() -> None:
    layout = Layout(
        reference="base:1", folder=PurePosixPath("/l"), name="base0", digest="sha256:a"
    )
    assert options_of("buildctl", request(), inputs(layouts=(layout,))) == [
        "--oci-layout=base0=/l",
        "--opt=context:base:1=oci-layout://base0@sha256:a",
    ]


@pytest.mark.parametrize(
    ("name", "asked", "reason"),
    [
        ("kaniko", request(cold=True, ssh=True), "kaniko: it has no RUN --mount"),
        ("kaniko", request(), "kaniko: its cache is in a registry only"),
        ("buildah", request(provenance=True), "buildah: it makes no attestation"),
        ("img", request(options={"squash": True}), "img has no option for `squash`"),
        ("buildx", request(options={"cgroup": "x"}), "has no option for `cgroup`"),
    ],
)
def test_what_a_builder_cannot_be_asked_for_is_never_left_out_in_silence(
    name: str, asked: Request, reason: str
) -> None:
    with pytest.raises(Unsupported, match=re.escape(reason)):
        command(standard_records()[name], asked, inputs(socket=PurePosixPath("/agent")))


def test_a_limit_holds_for_the_versions_it_names_only() -> None:
    secret = {"secrets": {"k": PurePosixPath("/s")}}
    with pytest.raises(
        Unsupported, match=r"buildah 1\.19\.6\+dfsg1: it has no --secret"
    ):
        command(
            standard_records()["buildah"], request(), inputs("1.19.6+dfsg1", **secret)
        )
    assert "--secret=id=k,src=/s" in command(
        standard_records()["buildah"], request(), inputs("1.28.2+ds1", **secret)
    )


def test_the_first_build_on_a_storage_is_cold_without_the_option_for_it() -> None:
    record, asked = standard_records()["buildah-layers"], request(cold=True)
    first = command(record, asked, inputs("1.19.6", first=True))
    assert "--no-cache" not in first
    with pytest.raises(Unsupported, match="refuses --layers with --no-cache"):
        command(record, asked, inputs("1.19.6", first=False))
    assert "--no-cache" in command(record, asked, inputs("1.28.2", first=True))
