"""What is measured; rows that share windows share a module and a process."""

from __future__ import annotations

#: The rows of each module, in the order in which they are run.
MODULES = {
    "walk": (1, 2, 3, 4),
    "pixels": (2,),
    "overlays": (5,),
    "focal_plane": (6,),
    "tables": (7, 8, 9),
    "endurance": (10,),
    "start": (11,),
    "leaning": (12,),
    "gallery": (13,),
    "exchange": (14,),
}

#: Modules for the plot alone, which only the long form draws whole.
ONLY_LONG = {"pixels"}
