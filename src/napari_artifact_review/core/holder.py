"""Who holds a review: one process at a time writes to its store."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from weakref import WeakValueDictionary

import psutil

from napari_artifact_review.core.decisions import login_name, utc_now

#: Seconds by which the clock may move what a system tells of a process's start.
_CLOCK_SLACK = 5.0


@dataclass(frozen=True)
class Holder:
    """Who holds a review.

    Attributes
    ----------
    token : str
        Names this one holding, and no other.
    host : str
        The computer's name.
    pid : int
        The process's number there.
    started : float
        When that process began, in seconds since 1970: numbers are used again.
    since : str
        When it took the review, in UTC (ISO 8601).
    user : str
        The login name.
    """

    token: str
    host: str
    pid: int
    started: float
    since: str
    user: str

    @property
    def is_here(self) -> bool:
        """Whether it is on this computer."""
        return self.host == this_host()

    def __str__(self) -> str:
        """Say who it is: host, process, since when."""
        here = self.is_here and self.pid == os.getpid()
        window = " (another window of this one)" if here else ""
        who = f"process {self.pid}{window} on {self.host}, user {self.user}"
        return f"{who}, since {self.since[:16].replace('T', ' ')} UTC"


#: What this process holds, for as long as somebody here uses it.
_held_here: WeakValueDictionary[str, object] = WeakValueDictionary()


def this_host() -> str:
    """Return the name of this computer."""
    return socket.gethostname()


def hold(owner: object) -> Holder:
    """Return a new holder for this process; it lives as long as its owner does."""
    holder = Holder(
        token=uuid.uuid4().hex,
        host=this_host(),
        pid=os.getpid(),
        started=psutil.Process().create_time(),
        since=utc_now(),
        user=login_name(),
    )
    _held_here[holder.token] = owner
    return holder


def let_go(holder: Holder) -> None:
    """Note that a holder of this process is one no more."""
    _held_here.pop(holder.token, None)


def may_live(holder: Holder) -> bool:
    """Tell whether a holder may still be at work; of another computer nobody knows."""
    if not holder.is_here:
        return True
    if holder.pid == os.getpid():
        return holder.token in _held_here
    try:
        process = psutil.Process(holder.pid)
        started: float = process.create_time()
        # Killed, and nobody has asked for its exit status.
        ended = process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return _is_hidden(holder.pid)
    return not ended and abs(started - holder.started) < _CLOCK_SLACK


def _is_hidden(pid: int) -> bool:
    """Tell whether a process is there that only its own user gets to see."""
    if os.name == "nt":
        return False
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return False
