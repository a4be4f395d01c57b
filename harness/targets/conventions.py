"""What differs between builders in how an image and an output are to be read.

Data, so that nothing that reads them asks for a builder's name. Each value is what was
measured on that builder, or what its documentation says where its record says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: `every`: an entry for each instruction of the chain; `layers-only`: none for an
#: instruction that made no layer; `last`: an entry for each, and the only layer of a
#: stage on its last one, whatever instruction changed the files.
History = Literal["every", "layers-only", "last"]
#: How announced steps go with instructions: `whole` by number over the whole
#: Dockerfile; `vertexes` by number among what can make a layer in a named stage;
#: `stages` in order, over all instructions of a numbered stage or of all stages.
Steps = Literal["whole", "vertexes", "stages"]
#: Entries at the end for labels of the build: none, one for each, or as the version
#: has it (buildah: none in 1.19.6, one each in 1.28.2, one for all from 1.39.3 on).
Labels = Literal["none", "each", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """How a builder's history and steps go with a Dockerfile's instructions.

    `onbuild` says that ONBUILD itself has an entry.
    """

    steps: Steps
    history: History = "every"
    onbuild: bool = True
    labels: Labels = "none"


#: Checked on 2,944 saved images of both builders, 20.10.5 to 28.5.2.
LEGACY = Conventions(steps="whole", labels="each")
BUILDKIT = Conventions(steps="vertexes", onbuild=False)
