"""The plan of a run: its form, sizes and cache."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from platformdirs import user_cache_path

Form = Literal["tiny", "short", "long"]
T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """The plan of one run.

    Attributes
    ----------
    form : str
        "tiny" only shows that it works, "short" takes six minutes, "long" up to forty.
    full_size : bool
        Whether large images have cutouts of 200 pixels instead of 20.
    cache : Path
        The folder that keeps generated inputs for the next run.
    learned : bool
        Whether queues have the learned order, while descriptors are being computed.
    """

    form: Form = "short"
    full_size: bool = False
    cache: Path = user_cache_path("napari-artifact-review", appauthor=False) / "bench"
    learned: bool = False

    def pick(self, tiny: T, short: T, long: T) -> T:
        """Return the value for the form of this run."""
        return {"tiny": tiny, "short": short, "long": long}[self.form]

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON."""
        return asdict(self) | {"cache": str(self.cache)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Return the plan that `as_json` returned as JSON."""
        return cls(**(data | {"cache": Path(data["cache"])}))
