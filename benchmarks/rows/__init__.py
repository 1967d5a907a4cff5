"""The measured rows; rows that share windows share a module and a process."""

from __future__ import annotations

#: The rows of each module, in the order of their run.
MODULES = {
    "steps": (1, 2, 3, 4),
    "pixels": (2,),
    "overlays": (5,),
    "focal_plane": (6,),
    "tables": (7, 8, 9),
    "endurance": (10,),
    "start": (11,),
    "held_key": (12,),
    "gallery": (13,),
    "exchange": (14,),
    "scoring": (15,),
    "training_set": (16,),
    "team": (17,),
    "large_log": (18,),
}

#: Modules that only the plot of the long form needs.
ONLY_LONG = {"pixels"}
