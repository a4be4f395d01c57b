"""What `try` found out about a Dockerfile, for programs and for the reports. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.cases.model import Build
from harness.dockerfile import parser
from harness.dockerfile.parser import Dockerfile, Instruction
from harness.judge.behaviour import Behaviour
from harness.judge.differences import AspectDifference
from harness.judge.facts import Fact
from harness.judge.sameness import Answer, Sameness, Spot
from harness.measure.observation import BuildRecord

#: The instruction that sets a key of an image's config.
_SETS: Mapping[str, str] = {
    "Cmd": "CMD",
    "Entrypoint": "ENTRYPOINT",
    "Env": "ENV",
    "ExposedPorts": "EXPOSE",
    "Healthcheck": "HEALTHCHECK",
    "Labels": "LABEL",
    "OnBuild": "ONBUILD",
    "Shell": "SHELL",
    "StopSignal": "STOPSIGNAL",
    "User": "USER",
    "Volumes": "VOLUME",
    "WorkingDir": "WORKDIR",
}
Explain = Callable[[AspectDifference], Behaviour | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedTarget:
    """A target: whether it builds, with its error and line if not; layers and bytes.

    `layers` and `size` are of what stands above the base; `below` counts the base's.
    """

    id: str
    builds: bool
    seconds: float
    error: str = ""
    error_line: int | None = None
    below: int
    layers: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedSide:
    """What some targets do at a place: in words, and the value that was compared."""

    targets: tuple[str, ...]
    does: str
    value: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedExplanation:
    """A measured behaviour that explains a difference, with its answers there."""

    case: str
    question: str
    answers: Mapping[str, str]
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedDifference:
    """One place where targets differ.

    `line` is that of the instruction whose doing it is, null if it is not known.
    `no_matter` says why it is of no consequence, if it is of none.
    """

    question: str
    aspect: str
    line: int | None
    instruction: str
    paths: tuple[str, ...]
    attribute: str
    sides: tuple[TriedSide, ...]
    no_matter: str = ""
    explanation: TriedExplanation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedBase:
    """An image that the Dockerfile takes, and where it was taken from."""

    name: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedRecord:
    """The whole: the answer, the targets, the differences, what matters most first.

    `answer` is `same`, `layers` (the same image in other layers), `image` (another
    image), `outcome` (it builds on some targets only) or `fails` (on none). `chance`
    names paths that are other each time they are built. `notes` say what else a reader
    has to know of the comparison.
    """

    format: int = 1
    answer: Answer
    sentence: str
    dockerfile: str
    targets: tuple[TriedTarget, ...]
    bases: tuple[TriedBase, ...]
    differences: tuple[TriedDifference, ...]
    chance: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def record(
    found: Sameness,
    build: Build,
    *,
    dockerfile: str,
    seconds: Mapping[str, float],
    bases: Sequence[TriedBase] = (),
    notes: Sequence[str] = (),
    explain: Explain = lambda _: None,
) -> TriedRecord:
    """Put together what was found; `dockerfile` is how reports call the file."""
    parsed = parser.parse(build.dockerfile, build.args)
    differences = tuple(
        _difference(each, found, parsed, build.target, explain) for each in found.spots
    )
    targets = tuple(
        _target(name, found.table.observations[number].builds[0], seconds[name])
        for name, number in found.table.outcomes.items()
    )
    return TriedRecord(
        answer=found.answer,
        sentence=sentence(found, targets, differences),
        dockerfile=dockerfile,
        targets=targets,
        bases=tuple(bases),
        differences=differences,
        chance=found.chance,
        notes=tuple(notes),
    )


def sentence(
    found: Sameness,
    targets: Sequence[TriedTarget],
    differences: Sequence[TriedDifference],
) -> str:
    """Answer in one line whether it is the same image everywhere."""
    every = _joined([each.id for each in targets])
    matter = [each for each in differences if not each.no_matter]
    but = _but(differences)
    if found.answer == "fails":
        return f"builds on none of them: {every}"
    if found.answer == "outcome":
        good = [each.id for each in targets if each.builds]
        bad = [each.id for each in targets if not each.builds]
        return f"builds on one side only: on {_joined(good)}, not on {_joined(bad)}"
    if found.answer == "image":
        return f"another image: {_counts(matter)} between {every}"
    if found.answer == "layers":
        layers = _joined([f"{each.layers} on {each.id}" for each in targets])
        if len({each.layers for each in targets}) == 1:
            layers = f"{targets[0].layers} on {every}, with differences in them"
        return f"same image in other layers{but}: {layers}"
    return f"same image, of the same layers, on {every}{but}"


def _but(differences: Sequence[TriedDifference]) -> str:
    what = dict.fromkeys(
        each.paths[0] if each.paths else f"{each.aspect} {each.attribute}".strip()
        for each in differences
        if each.no_matter and each.question == "image"
    )
    return f" (but for {', '.join(what)})" if what else ""


def _counts(differences: Sequence[TriedDifference]) -> str:
    """Count what differs in the image: `2 paths and 1 setting differ`."""
    paths = {
        path for each in differences if each.aspect == "rootfs" for path in each.paths
    }
    settings = {each.attribute for each in differences if each.aspect == "config"}
    counts = [
        f"{len(found)} {word}{'s' if len(found) > 1 else ''}"
        for found, word in ((paths, "path"), (settings, "setting"))
        if found
    ]
    one = len(paths) + len(settings) == 1
    return f"{_joined(counts)} {'differs' if one else 'differ'}"


def _joined(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _target(name: str, build: BuildRecord, seconds: float) -> TriedTarget:
    return TriedTarget(
        id=name,
        builds=build.outcome == "ok",
        seconds=round(seconds, 1),
        error=build.error or ("" if build.outcome == "ok" else build.verb),
        error_line=build.error_line,
        below=build.below,
        layers=len(build.layers),
        size=build.size,
    )


def _difference(
    spot: Spot, found: Sameness, parsed: Dockerfile, target: str, explain: Explain
) -> TriedDifference:
    each = spot.difference
    at = instruction_of(each, parsed, target)
    behaviour = None if spot.no_matter else explain(each)
    every = tuple(found.table.outcomes)
    return TriedDifference(
        question=each.question,
        aspect=each.aspect,
        line=at.line if at else None,
        instruction=at.text if at else "",
        paths=each.paths,
        attribute=each.place.attribute or _what(each),
        sides=tuple(
            sorted(_sides(each, found), key=lambda x: every.index(x.targets[0]))
        ),
        no_matter=spot.no_matter,
        explanation=_explanation(behaviour, every) if behaviour else None,
    )


def _sides(each: AspectDifference, found: Sameness) -> Iterator[TriedSide]:
    for (numbers, fact), does in zip(each.groups, _does(each), strict=True):
        yield TriedSide(targets=found.targets(numbers), does=does, value=_value(fact))


def instruction_of(
    each: AspectDifference, parsed: Dockerfile, target: str
) -> Instruction | None:
    """Find the instruction whose doing a difference is: by its line, or by its key."""
    if each.at:
        return parsed.at(each.at)
    if each.aspect == "config":
        keyword = _SETS.get(each.place.what)
        setting = [x for x in parsed.chain(target) if x.keyword == keyword]
        return setting[-1] if setting else None
    return None


def _what(each: AspectDifference) -> str:
    return each.place.what if each.aspect in {"config", "layers", "history"} else ""


def _value(fact: Fact) -> object:
    if isinstance(fact.value, tuple) and len(fact.value) == 5:
        kind, size, digest, link, device = fact.value
        told = {
            "type": kind,
            "size": size,
            "digest": digest,
            "link": link,
            "device": device,
        }
        return {key: value for key, value in told.items() if value not in ("", None)}
    return fact.value if fact.value != "" else None


def _does(each: AspectDifference) -> Iterator[str]:
    """Say what each side does, so that no two say the same."""
    phrases = [fact.phrase for _, fact in each.groups]
    for _, fact in each.groups:
        if each.aspect == "outcome" and isinstance(fact.value, tuple):
            yield fact.phrase
        elif phrases.count(fact.phrase) > 1 and fact.exact:
            yield f"{fact.phrase} ({fact.exact})"
        elif each.below and fact.value:
            paths = "1 path" if each.below == 1 else f"{each.below} paths"
            yield f"{fact.phrase} with {paths} in it"
        else:
            yield fact.phrase


def _explanation(behaviour: Behaviour, targets: Sequence[str]) -> TriedExplanation:
    return TriedExplanation(
        case=behaviour.case,
        question=behaviour.question or behaviour.title,
        answers={
            each: behaviour.given[each] for each in targets if each in behaviour.given
        },
        advice=behaviour.advice,
    )
