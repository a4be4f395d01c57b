"""What a killed process of ours has left on an engine of the user's, to be removed.

A run notes in its folder where it makes images and by what they are known. The folder
stays when it is killed; whoever removes the folder removes the images first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import DockerException

from harness.engines import Address
from harness.engines.address import connect
from harness.engines.process import Say
from harness.errors import EngineError
from harness.measure.base_copies import PREFIX, remove_when_free, session_of

_NAME = "images.json"
#: How an image without a name is listed.
_UNNAMED = "<none>:<none>"
#: Seconds for each of the engine's answers.
_ANSWER = 60.0


def note(folder: Path, shared: str, places: Iterable[Address]) -> None:
    """Note the engines on which the run of `folder` makes images, named as `shared`."""
    plain = {"session": session_of(shared), "places": [asdict(each) for each in places]}
    (folder / _NAME).write_text(json.dumps(plain), encoding="utf-8")


def remove(folder: Path, say: Say) -> None:
    """Remove the images of a run that is over; an engine that is gone has none."""
    try:
        plain = json.loads((folder / _NAME).read_text(encoding="utf-8"))
        session, places = str(plain["session"]), [Address(**x) for x in plain["places"]]
    except (OSError, ValueError, TypeError, LookupError):
        return
    if not session:
        return
    for place in places:
        with (
            suppress(EngineError, DockerException, requests.RequestException),
            closing(connect(place, timeout=_ANSWER)) as client,
        ):
            if _remove(client, session):
                say(f"removed images that a killed process left on {place.url}")


def _remove(client: docker.APIClient, session: str) -> bool:
    """Remove the images of a session, and what the legacy builder made of its bases.

    False when there are none.
    """
    every = client.images(all=True)
    own = {each["Id"]: _names(each, session) for each in every}
    waiting = [image for image, names in own.items() if names]
    made = []
    while waiting:
        image = waiting.pop()
        made.append(image)
        waiting += [
            each["Id"]
            for each in every
            if each.get("ParentId") == image
            and set(each.get("RepoTags") or ()) <= {_UNNAMED}
            and each["Id"] not in made
        ]
    # what was made last goes first: an image is not removed below another
    for image in reversed(made):
        for name in own[image] or (image,):
            with suppress(DockerException, requests.RequestException):
                remove_when_free(client, name, force=bool(own[image]))
    return bool(made)


def _names(image: Any, session: str) -> list[str]:
    names = image.get("RepoTags") or ()
    return [
        each
        for each in names
        if each.startswith(f"{PREFIX}/") and session_of(each) == session
    ]
