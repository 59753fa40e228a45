# SPDX-License-Identifier: BSD-2-Clause
"""What an end-to-end test uses, in one import."""

import os                                                   # noqa: F401
import random                                               # noqa: F401
import re                                                   # noqa: F401
import signal                                               # noqa: F401
import time                                                 # noqa: F401
from pathlib import Path                                    # noqa: F401

from . import (amf0, amf3, chunk, dumps, flv, handshake,    # noqa: F401
               media, server, so, tap, tools)
from .chunk import Message                                  # noqa: F401
from .reactor import (SLOW, Process, Timeout, loop, poll,   # noqa: F401
                      wait)
from .rtmp import (CallFailed, Client, Closed, Mute,        # noqa: F401
                   Refused)
from .server import CtlFailed, Server                       # noqa: F401
from .tap import case, cleanup, eq, near, note, ok          # noqa: F401
from .values import (Avm, Date, Dictionary, EcmaArray,      # noqa: F401
                     Externalizable, Object, Undefined, Vector, Xml)


def connect(server, app="echo", *args, **kw):
    """A connected client in one step; client options by keyword."""
    mine = {k: kw.pop(k) for k in ("digest", "source", "chunk_size",
                                   "pipeline", "delta", "rcvbuf", "c1")
            if k in kw}
    return Client(server.rtmp, **mine).connect(app, *args, **kw)


def publisher(server, app, name, type="live", **kw):
    return connect(server, app, **kw).stream().publish(name, type)
