"""The kinds of runs over many images, and how messages and files name them."""

from __future__ import annotations

from typing import NamedTuple


class RunKind(NamedTuple):
    """How messages and files name a kind of run.

    Attributes
    ----------
    command : str
        Name of the command and the function, which is also a verb: "score".
    done : str
        Its participle: "scored".
    noun : str
        What the run makes: "a score".
    suspect : str
        What may end a worker, apart from a full memory: "the model".
    page : str
        Path of the page of the docs about it.
    """

    command: str
    done: str
    noun: str
    suspect: str
    page: str

    @property
    def about(self) -> str:
        """Text by which a folder of parts is recognised."""
        return (
            f"napari-artifact-review {self.command}: one part an image; see {self.page}"
        )

    @property
    def metadata_key(self) -> bytes:
        """Name of the metadata in a part that say what it depends on."""
        return f"napari-artifact-review.{self.command}".encode()
