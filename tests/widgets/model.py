"""A plain model of verdicts, undo and redo, to compare the dock with."""

from __future__ import annotations

from collections.abc import Hashable


class Model:
    """The decisions of one reviewer.

    Attributes
    ----------
    entries : int
        Number of entries that the log must have.
    """

    def __init__(self) -> None:
        self._done: list[tuple[Hashable, int]] = []
        self._undone: list[tuple[Hashable, int]] = []
        self.entries = 0

    @property
    def standing(self) -> dict[Hashable, int]:
        """The label of each cutout that has a verdict."""
        return dict(self._done)

    def press(self, what: str, cutout: Hashable = None) -> Hashable:
        """Process a key; return the cutout that becomes the current one."""
        if what in ("artifact", "none"):
            label = int(what == "artifact")
            if self.standing.get(cutout) != label:
                self._done.append((cutout, label))
                self._undone.clear()
                self.entries += 1
        elif what in ("undo", "redo"):
            source, target = self._done, self._undone
            if what == "redo":
                source, target = target, source
            if source:
                target.append(source.pop())
                self.entries += 1
                return target[-1][0]
        return cutout
