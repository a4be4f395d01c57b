"""Words of instructions: quotes, flags, variables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.dockerfile.words import expand, flags_of, listed, pairs, split

VALUES = {"A": "one", "EMPTY": "", "UNKNOWN": None}


@pytest.mark.parametrize(
    ("text", "told", "known"),
    [
        ("a", "a", True),
        ("$A/b", "one/b", True),
        ("${A}b", "oneb", True),
        ("'$A'", "$A", True),
        ('"$A b"', "one b", True),
        (r"\$A", "$A", True),
        ("${EMPTY:-x}", "x", True),
        ("${EMPTY-x}", "", True),
        ("${A:+y}", "y", True),
        ("${EMPTY:+y}", "", True),
        ("${EMPTY:-${A}z}", "onez", True),
        ("$NOSUCH", "$NOSUCH", False),
        ("${NOSUCH:-x}", "${NOSUCH:-x}", False),
        ("${UNKNOWN}", "${UNKNOWN}", False),
        ("${A", "one", True),
        ("${", "${", False),
        ("$", "$", True),
        ("$$A", "$one", True),
    ],
)
def test_a_word_is_expanded_as_far_as_is_known(
    text: str, told: str, known: bool
) -> None:
    word = expand(text, VALUES)
    assert (word.text, word.known) == (told, known)


def test_variables_are_named_once() -> None:
    assert expand("$A ${A:-$B} $C", {}).variables == ("A", "C")


def test_words_end_at_white_space_outside_quotes() -> None:
    assert list(split(r"""a "b c" d\ e 'f "g' h""")) == [
        "a",
        '"b c"',
        r"d\ e",
        """'f "g'""",
        "h",
    ]


def test_flags_stand_in_front() -> None:
    flags, rest = flags_of('--from=a --link --chown="b" x --not-a-flag')
    assert [(each.name, each.value) for each in flags] == [
        ("from", "a"),
        ("link", ""),
        ("chown", "b"),
    ]
    assert rest == "x --not-a-flag"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('["a", "b"]', ("a", "b")),
        ("[]", ()),
        ("['a']", None),
        ('["a", 1]', None),
        ('["a"] b', None),
        ("a", None),
        ("[" * 5000, None),
    ],
)
def test_a_list_is_json_of_strings(text: str, found: tuple[str, ...] | None) -> None:
    assert listed(text) == found


def test_pairs_have_a_new_and_an_old_form() -> None:
    assert pairs("A=1 B='2 3'") == (("A", "1"), ("B", "'2 3'"))
    assert pairs("A one  two") == (("A", "one  two"),)


@given(st.text(alphabet="aA${}:-+'\"\\ []", max_size=60))
def test_no_word_makes_a_traceback(text: str) -> None:
    flags_of(text)
    for each in split(text):
        assert isinstance(expand(each, VALUES).text, str)
