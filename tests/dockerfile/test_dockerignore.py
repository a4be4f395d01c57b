"""What a client sends of a context: patterns, exceptions, and what always stays.

The semantics are those of moby/patternmatcher and of its `ignorefile`, of docker/cli's
`TrimBuildFilesFromExcludes`, and of tonistiigi/fsutil's `filter.go`;
`tests/engine/test_sent_context.py` holds them against the real clients.
"""

from __future__ import annotations

import pytest

from harness.dockerfile.context import ContextFile
from harness.dockerfile.dockerignore import IgnoreError, ignored, lines, parse, sent

LEGACY, BUILDKIT = "legacy", "buildkit"


def tree(*paths: str, ignore: str = "", **others: str) -> list[ContextFile]:
    """Make a context: a path that ends with `/` is a folder, `a -> b` a symlink."""
    files = [ContextFile(path="Dockerfile", content=b"FROM scratch\n")]
    if ignore:
        files.append(ContextFile(path=".dockerignore", content=ignore.encode()))
    for path in paths:
        name, _, link = path.partition(" -> ")
        if link:
            files.append(ContextFile(path=name, kind="symlink", link=link))
        elif name.endswith("/"):
            files.append(ContextFile(path=name[:-1], kind="dir", mode=0o700))
        else:
            files.append(ContextFile(path=name, content=name.encode()))
    for path, text in others.items():
        files.append(ContextFile(path=path, content=text.encode()))
    return files


def left(family: str, *paths: str, ignore: str, dockerfile: str = "Dockerfile") -> str:
    """Name what is sent but for Dockerfile and .dockerignore."""
    found = sent(tree(*paths, ignore=ignore), dockerfile, family)
    names = [each.path for each in found]
    return " ".join(name for name in names if name not in {"Dockerfile", IGNORE})


IGNORE = ".dockerignore"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n \n\t\n", []),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("\ufeffa\n", ["a"]),
        ("\ufeff# comment\na\n", ["a"]),
        ("# comment\na\n#b\n", ["a"]),
        (" # no comment\n", ["# no comment"]),
        ("a # b\n", ["a # b"]),
        ("  a b\t\n", ["a b"]),
        ("/a\n//a\na/\n./a\nx/../a\n", ["a"] * 5),
        ("/../a\n", ["a"]),
        ("../a\n", ["../a"]),
        ("a//b\na/./b/\n", ["a/b", "a/b"]),
        ("/\n.\n", ["/", "."]),
        ("! /a/ \n!./a\n", ["!a", "!a"]),
        ("!\n", ["!"]),
        ("A\n", ["A"]),
    ],
)
def test_an_ignore_file_is_read_line_by_line_and_its_paths_are_cleaned(
    text: str, expected: list[str]
) -> None:
    assert lines(text) == expected


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("a", "a a/b a/b/c", "b ab b/a A"),
        ("a.b", "a.b", "axb ab"),
        ("a+b", "a+b", "aab"),
        ("(x|y)", "(x|y)", "x"),
        ("a/b", "a/b a/b/c", "a b x/a/b"),
        ("*", "a .a a/b", ""),
        ("*.md", "x.md .md x.md/y", "a/x.md xmd"),
        ("*/*.md", "a/x.md", "x.md a/b/x.md"),
        ("a*c", "ac abc", "a/c abd"),
        ("te?t", "test text test/a", "tet te/t"),
        ("[ab].txt", "a.txt b.txt", "c.txt ab.txt"),
        ("[^a].txt", "b.txt é.txt", "a.txt ab.txt"),
        ("[a-c]x", "ax bx cx", "dx -x"),
        ("[\\]a]", "] a", "\\ x"),
        ("x[[]y", "x[y", "x]y xy"),
        ("[&~|]", "& ~ |", "\\ x"),
        ("\\*", "*", "a \\*"),
        ("a\\?", "a?", "ab"),
        ("\\d", "7", "d \\d ٣"),
        ("a]", "a]", "a"),
        ("^a", "^a", "a"),
        ("^a*", "a ab", "^a"),
        ("a^b*", "", "a^b ab"),
        ("**", "a a/b a/b/c", ""),
        ("**/", "a a/b", ""),
        ("**/*", "a a/b", ""),
        ("**/x", "x a/x a/b/x a/x/b", "ax a/xb"),
        ("**x", "x ax a/x a/bx", "xa"),
        ("**/x*", "x x1 a/x1", "ax"),
        ("**x*", "x1 a/x1", "ax1"),
        ("**/*.go", "m.go a/m.go a/b/m.go", "m.goo"),
        ("**/.x", ".x a/.x", "b.x"),
        ("**/a/b", "a/b x/a/b a/b/c", "a/x/b"),
        ("**/a/*", "a/b x/a/b", "a x/a"),
        ("**/a/**", "a/b x/a/b/c", "a x/a"),
        ("**/**/x", "x a/x a/b/x", "ax"),
        ("***", "a a/b", ""),
        ("****", "a a/b", ""),
        ("a/**", "a/b a/b/c", "a ab"),
        ("a**", "a ab a/b abc/d", "b"),
        ("a/**/b", "a/b a/x/b a/x/y/b", "ab a/xb"),
        ("a**b", "ab ax/b a/b", "axb"),
        ("a/*.t**", "a/x.t a/x.txt a/x.t/y", "a/b/x.t"),
        ("[*]", "] [] ^]", "* a]b"),
        ("a b", "a b", "ab"),
        ("../a", "", "a"),
        (".", "", "a a/b"),
        ("/", "", "a a/b"),
    ],
)
def test_a_pattern_ignores_what_it_matches_and_what_lies_below(
    pattern: str, yes: str, no: str
) -> None:
    patterns = parse(pattern)
    split = [yes] if pattern == "a b" else yes.split()
    assert [path for path in split if not ignored(patterns, path)] == []
    assert [path for path in no.split() if ignored(patterns, path)] == []


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("*.md\n!README.md", "README.md", False),
        ("!README.md\n*.md", "README.md", True),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
        ("*.md\nREADME-secret.md\n!README*.md", "README-secret.md", False),
        ("docs\n!docs/README.md", "docs/README.md", False),
        ("docs\n!docs/README.md", "docs/other.md", True),
        ("**\n!a/b", "a/b/c", False),
        ("**\n!a/b\na/b/c", "a/b/c", True),
        ("a\n!a/b\n!a/c", "a/c", False),
        ("!a", "a", False),
    ],
)
def test_the_last_pattern_that_matches_decides(
    text: str, path: str, expected: bool
) -> None:
    assert ignored(parse(text), path) is expected


@pytest.mark.parametrize(
    "pattern",
    ["[", "a[", "[^", "[^bc", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "\\", "a\\"],
)
def test_a_malformed_pattern_is_refused_before_anything_is_matched(
    pattern: str,
) -> None:
    with pytest.raises(IgnoreError, match="syntax error in pattern"):
        parse(pattern)


@pytest.mark.parametrize("text", ["!", "! ", "!/"])
def test_an_exception_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(IgnoreError, match='illegal exclusion pattern: "!"'):
        parse(text)


def test_a_range_backwards_is_refused_where_it_is_tried() -> None:
    # moby/moby#52203: it passes the check of the syntax
    patterns = parse("x\n[Local-Only]")
    assert ignored(patterns, "x")
    with pytest.raises(IgnoreError, match="syntax error in pattern"):
        ignored(patterns, "y")


def test_a_refusal_has_the_words_of_the_client() -> None:
    context = tree("a", ignore="a\n[\n")
    with pytest.raises(IgnoreError) as caught:
        sent(context, "Dockerfile", LEGACY)
    assert str(caught.value) == "error checking context: syntax error in pattern"
    with pytest.raises(IgnoreError) as caught:
        sent(context, "Dockerfile", BUILDKIT)
    assert (
        str(caught.value) == "invalid excludepatterns: [a []: syntax error in pattern"
    )


@pytest.mark.parametrize("family", [LEGACY, BUILDKIT])
@pytest.mark.parametrize(
    ("paths", "ignore", "expected"),
    [
        (["a", "b/c"], "b", "a"),
        (["a", "b/c"], "b/*", "a b"),
        (["a", "b/c"], "b/", "a"),
        (["b/c/d", "b/e"], "b\n!b/c", None),
        (["b/c/d", "b/e"], "b/*\n!b/c", "b b/c b/c/d"),
        (["a -> b", "b/c"], "b", "a"),
        (["a -> b", "b/c"], "a", "b b/c"),
        (["a", "A"], "A", "a"),
        (["empty/", "full/x"], "full/x", "empty full"),
    ],
)
def test_folders_and_links_are_ignored_by_their_own_names(
    family: str, paths: list[str], ignore: str, expected: str | None
) -> None:
    found = left(family, *paths, ignore=ignore)
    if expected is None:
        # buildx sends the folder that is on the way
        expected = "b/c b/c/d" if family == LEGACY else "b b/c b/c/d"
    assert found == expected


def test_only_buildx_finds_an_exception_with_a_wildcard_below_an_ignored_folder() -> (
    None
):
    # moby/moby#45608
    paths = ["foo/bar/quux/t", "foo/bar/other", "x"]
    ignore = "*\n!foo/*/quux\n"
    assert left(LEGACY, *paths, ignore=ignore) == ""
    expected = "foo foo/bar foo/bar/quux foo/bar/quux/t"
    assert left(BUILDKIT, *paths, ignore=ignore) == expected


def test_an_exception_of_all_in_a_folder_is_found_by_both() -> None:
    paths = ["a/b", "a/c/d"]
    assert left(LEGACY, *paths, ignore="*\n!a/b\n") == "a/b"
    assert left(BUILDKIT, *paths, ignore="*\n!a/**\n") == "a a/b a/c a/c/d"


def test_an_ignored_folder_above_keeps_its_mode_through_buildx_alone() -> None:
    context = tree("a/", "a/b", ignore="a\n!a/b\n")
    modes = {each.path: each.mode for each in sent(context, "Dockerfile", BUILDKIT)}
    assert modes["a"] == 0o700
    assert "a" not in {each.path for each in sent(context, "Dockerfile", LEGACY)}


def test_the_daemon_of_the_legacy_builder_gets_the_files_that_it_removes() -> None:
    context = tree("a", ignore="*\n")
    names = {each.path for each in sent(context, "Dockerfile", LEGACY)}
    assert names == {".dockerignore", "Dockerfile"}


def test_buildkit_gets_its_dockerfile_and_no_ignored_ignore_file() -> None:
    context = tree("a", ignore="*\n")
    names = [each.path for each in sent(context, "Dockerfile", BUILDKIT)]
    assert names == ["Dockerfile"]


def test_a_dockerfile_in_an_ignored_folder_is_sent_without_what_is_beside_it() -> None:
    for family, expected in [
        (LEGACY, "docker/Dockerfile"),
        (BUILDKIT, "docker docker/Dockerfile"),
    ]:
        found = left(
            family,
            *("docker/Dockerfile", "docker/x"),
            ignore="docker\n",
            dockerfile="docker/Dockerfile",
        )
        assert found == expected


def test_the_docker_cli_leaves_out_a_dockerfile_that_a_wildcard_wants_back() -> None:
    # docker/for-linux#585: "Cannot locate specified Dockerfile"
    paths = ["docker/app/Dockerfile"]
    found = left(
        LEGACY, *paths, ignore="*\n!docker/*/Dockerfile\n", dockerfile=paths[0]
    )
    assert found == ""


def test_a_dockerfiles_own_ignore_file_counts_for_buildkit_only() -> None:
    own = {"Dockerfile.dockerignore": "a\n"}
    context = tree("a", "b", ignore="b\n", **own)
    legacy = {each.path for each in sent(context, "Dockerfile", LEGACY)}
    buildkit = {each.path for each in sent(context, "Dockerfile", BUILDKIT)}
    assert legacy & {"a", "b"} == {"a"}
    assert buildkit & {"a", "b"} == {"b"}


def test_an_empty_ignore_file_of_the_dockerfiles_own_ignores_nothing() -> None:
    own = {"Dockerfile.dockerignore": ""}
    context = tree("a", "b", ignore="b\n", **own)
    names = {each.path for each in sent(context, "Dockerfile", BUILDKIT)}
    assert {"a", "b"} <= names


def test_an_ignore_file_that_is_a_link_is_followed() -> None:
    context = tree("a", "b", "conf/ignore", f"{IGNORE} -> conf/ignore")
    context = [
        ContextFile(path=each.path, content=b"a\n")
        if each.path == "conf/ignore"
        else each
        for each in context
    ]
    names = {each.path for each in sent(context, "Dockerfile", LEGACY)}
    assert names & {"a", "b"} == {"b"}


def test_a_hardlink_to_an_ignored_file_is_sent_as_the_file() -> None:
    context = [
        *tree("a", ignore="a\n"),
        ContextFile(path="b", kind="hardlink", link="a"),
        ContextFile(path="c", kind="hardlink", link="a"),
    ]
    found = {each.path: each for each in sent(context, "Dockerfile", BUILDKIT)}
    assert found["b"] == ContextFile(path="b", content=b"a")
    assert found["c"] == ContextFile(path="c", kind="hardlink", link="b")


@pytest.mark.parametrize("family", [LEGACY, BUILDKIT])
def test_raw_and_a_context_without_an_ignore_file_are_sent_as_they_are(
    family: str,
) -> None:
    context = tree("a", "b/c", ignore="*\n")
    assert sent(context, "Dockerfile", family, raw=True) == context
    context = tree("a", "b/c")
    assert sent(context, "Dockerfile", family) == context


def test_owners_stay_as_the_case_says_them() -> None:
    owned = ContextFile(path="b", content=b"b", uid=1000, gid=1001)
    found = sent([*tree("a", ignore="a\n"), owned], "Dockerfile", LEGACY)
    assert owned in found
