"""YAML and TOML read with their places; what is no plain text is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.documents.document import MAX_DEPTH, Document, load, nearest
from harness.documents.toml import load_toml
from harness.errors import CaseError


def read(tmp_path: Path, text: str | bytes) -> Document:
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path)


def test_keys_stay_words_and_values_are_plain(tmp_path: Path) -> None:
    document = read(tmp_path, "on: yes\n8: [1, a, null, 2.5]\n")
    assert document.value == {"on": True, "8": [1, "a", None, 2.5]}


def test_a_place_is_the_deepest_that_is_known(tmp_path: Path) -> None:
    document = read(tmp_path, "a:\n  - b: 1\n    c: 2\n")
    place = document.place(("a", "list[File]", 0, "c", "int"))
    assert place == f"{document.path}:3:5"
    assert document.place(("nosuch",)) == f"{document.path}:1:1"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 2020-13-45\n", ":1:4", "no such value: 2020-13-45"),
        ("a: !!bool x\n", ":1:4", "no such value: x"),
        ('a: !!int ""\n', ":1:4", "no such value"),
        ("a: !!timestamp x\n", ":1:4", "no such value: x"),
        ("a: !mine [1]\n", ":1:4", "unknown tag !mine"),
        ("a: !mine x\n", ":1:4", "unknown tag !mine"),
        ("a: !!python/name:os.system x\n", ":1:4", "python/name"),
        ("? [a]\n: b\n", ":1:3", "a key must be a word"),
        ("a: 1\n---\nb: 2\n", ":2:1", "another document"),
        ("a: *nosuch\n", ":1:4", "undefined alias"),
        ("a:\n\tb: 1\n", ":2:1", "cannot start any token"),
        ("a: 'b\n", ":2:1", "not YAML"),
        ("a: 1\nb: \x01\n", ":2", "not YAML"),
        (b"a: 1\nb: \xff\n", ":2", "not UTF-8 at byte 8"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_at_its_place(
    tmp_path: Path, text: str | bytes, place: str, words: str
) -> None:
    with pytest.raises(CaseError) as caught:
        read(tmp_path, text)
    assert caught.value.where == f"{tmp_path}/file.yaml{place}"
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[\n" * 100_000,
        "- " * 100_000,
        "{a: " * 100_000,
        "\n".join(" " * depth + "a:" for depth in range(MAX_DEPTH + 50)),
    ],
)
def test_nesting_without_end_is_refused_before_it_ends_the_process(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(CaseError, match="nested too deeply"):
        read(tmp_path, text)


def test_long_lines_and_many_brackets_are_no_nesting(tmp_path: Path) -> None:
    text = f"a: {'x' * 100_000}\nb: [{'[], ' * 1000}]\n"
    assert len(read(tmp_path, text).value["b"]) == 1000


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for reader in (load, load_toml):
        with pytest.raises(CaseError, match=r"nosuch.*cannot be read"):
            reader(tmp_path / "nosuch")


def test_tables_and_keys_of_toml_have_their_places(tmp_path: Path) -> None:
    path = tmp_path / "groups.toml"
    path.write_text('# note\n[a]\ntitle = "A"\n\n[a.claims]\n  C1 = "one"\n')
    document = load_toml(path)
    assert document.value == {"a": {"title": "A", "claims": {"C1": "one"}}}
    assert document.place(("a", "title")) == f"{path}:3:1"
    assert document.place(("a", "claims", "C1")) == f"{path}:6:3"


def test_items_of_an_array_of_tables_have_their_places(tmp_path: Path) -> None:
    path = tmp_path / "engines.toml"
    path.write_text("[[a]]\nx = 1\n\n[[a]]\n[[b]]\n y = 2\n[[a]]\nx = 3\n")
    document = load_toml(path)
    assert document.value == {"a": [{"x": 1}, {}, {"x": 3}], "b": [{"y": 2}]}
    assert document.place(("a", 0, "x")) == f"{path}:2:1"
    assert document.place(("a", 1)) == f"{path}:4:3"
    assert document.place(("a", 2, "x")) == f"{path}:8:1"
    assert document.place(("b", 0, "y")) == f"{path}:6:2"


@pytest.mark.parametrize(
    ("text", "place"),
    [("[a\n", ":1:3"), ("[a]\nb = \n", ":2:5"), ("[a]\n[a]\n", ":2:3")],
)
def test_what_is_no_toml_is_refused_at_its_place(
    tmp_path: Path, text: str, place: str
) -> None:
    path = tmp_path / "groups.toml"
    path.write_text(text)
    with pytest.raises(CaseError, match="not TOML") as caught:
        load_toml(path)
    assert caught.value.where == f"{path}{place}"


def test_the_nearest_word_comes_first_and_long_lists_are_cut() -> None:
    assert nearest("lgacy", ["legacy", "buildkit"]) == (
        "did you mean `legacy`? allowed: buildkit, legacy"
    )
    assert nearest("zzz", ["legacy", "buildkit"]) == "allowed: buildkit, legacy"
    many = [f"group/case-{number}" for number in range(300)]
    hint = nearest("group/case-77", many)
    assert hint.startswith(
        "did you mean `group/case-77`? there are 300 names, such as "
    )
    assert len(hint) < 200


@pytest.mark.parametrize(
    "text",
    [
        "[" + "a." * 11 + "b]\n",
        "a." * 11 + "b = 1\n",
        '"a".' * 11 + "b = 1\n",
    ],
)
def test_a_key_of_many_parts_is_refused_at_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.toml"
    path.write_text(f"a = 1\n{text}")
    with pytest.raises(CaseError, match="a key of over 10 parts") as caught:
        load_toml(path)
    assert caught.value.where == f"{path}:2"


def test_dots_in_texts_are_no_parts_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "file.toml"
    text = 'a = ["1.2.3", "4.5.6", "7.8.9", "1.0.1", "1.1.1", "\\".1.1"]\n'
    path.write_text(text + "b = '1.2.3.4.5.6.7.8.9.10.11.12'\n")
    assert len(load_toml(path).value["a"]) == 6
