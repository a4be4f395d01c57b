"""An ssh agent without keys: what `--ssh` needs to be offered, and no more.

Builds can see that an agent is there and ask what it holds; a key of the user's is
never at risk. The protocol is draft-miller-ssh-agent.
"""

from __future__ import annotations

import contextlib
import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_REQUEST_IDENTITIES: Final = 11
_NO_IDENTITIES: Final = struct.pack(">IBI", 5, 12, 0)
#: As OpenSSH's agent has it (AGENT_MAX_LEN); it closes the connection too.
_LONGEST: Final = 256 << 10
_FAILURE: Final = struct.pack(">IB", 1, 5)


class _Conversation(socketserver.StreamRequestHandler):
    """Answers one client: no keys, and a failure to all else."""

    def handle(self) -> None:
        while len(head := self.rfile.read(4)) == 4:
            (length,) = struct.unpack(">I", head)
            if length > _LONGEST:
                return
            message = self.rfile.read(length)
            asked = message[:1] == bytes([_REQUEST_IDENTITIES])
            self.wfile.write(_NO_IDENTITIES if asked else _FAILURE)


@contextlib.contextmanager
def agent(path: Path) -> Iterator[Path]:
    """Listen at the socket `path` until the end, which removes it."""
    with socketserver.ThreadingUnixStreamServer(str(path), _Conversation) as server:
        server.daemon_threads = True
        thread = threading.Thread(
            target=server.serve_forever, args=(0.05,), daemon=True
        )
        thread.start()
        try:
            yield path
        finally:
            server.shutdown()
            thread.join()
            path.unlink(missing_ok=True)
