"""What differs between builders in how an image and an output are to be read.

Data, so that nothing that reads them asks for a builder's name. Each value is what was
measured on that builder, or what its documentation says where its record says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: `every`: an entry for each instruction of the chain; `layers-only`: none for an
#: instruction that made no layer; `last`: an entry for each, the only layer on the
#: last of them, whatever instruction changed the files.
History = Literal["every", "layers-only", "last"]
#: How announced steps are numbered: `whole` over the whole Dockerfile, `vertexes` over
#: what can make a layer within a named stage, `stages` over all instructions of a
#: numbered stage, `texts` not at all, so that a step is known by its text only.
Steps = Literal["whole", "vertexes", "stages", "texts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """How a builder's history and steps go with a Dockerfile's instructions.

    `onbuild` says that ONBUILD itself has an entry, `labels` that each label of the
    build option has one, at the end. `committed` says that an entry at the end stands
    for the commit and for no instruction.
    """

    history: History = "every"
    steps: Steps
    onbuild: bool = True
    labels: bool = False
    committed: bool = False


#: Checked on 2,944 saved images of both builders, 20.10.5 to 28.5.2.
LEGACY = Traits(steps="whole", labels=True)
BUILDKIT = Traits(steps="vertexes", onbuild=False)
