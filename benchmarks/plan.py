"""How much of everything is measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from platformdirs import user_cache_path

Form = Literal["tiny", "short", "long"]
T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes
    ----------
    form : str
        "tiny" shows that it works, "short" takes four minutes, "long" up to forty.
    full_size : bool
        Whether big images have 200 pixels a cutout, and not 20.
    cache : Path
        Where generated inputs are kept for the next run.
    """

    form: Form = "short"
    full_size: bool = False
    cache: Path = user_cache_path("napari-artifact-review", appauthor=False) / "bench"

    def pick(self, tiny: T, short: T, long: T) -> T:
        """Return what belongs to the form of this run."""
        return {"tiny": tiny, "short": short, "long": long}[self.form]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self) | {"cache": str(self.cache)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Make it anew from what `as_json` returned."""
        return cls(**(data | {"cache": Path(data["cache"])}))
