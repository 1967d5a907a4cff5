"""Colours and sizes of the overlay."""

from __future__ import annotations

from dataclasses import dataclass

#: Colour of a line in the dock that needs attention, on light and on dark themes.
ATTENTION_COLOR = "#c27000"


@dataclass(frozen=True)
class OverlayStyle:
    """Colours and sizes, in screen pixels unless stated otherwise.

    The outcomes have the team's usual colours: purple for false positives, blue for
    false negatives, green for the label and red for the prediction of true positives.
    The colours are bright enough to be distinguishable on a dark sky.

    Attributes
    ----------
    false_positive, false_negative, label_box, prediction_box : str
        Colours of the boxes.
    true_negative : str
        Colour of the box and tag of a true negative that has been reviewed.
    hidden : str
        Colour of the box of a cutout whose predictions are hidden.
    current, selection : str
        Colours of the frames around the current cutout and the selected cutouts.
    false_positive_text, false_negative_text, label_text : str
        Colours of the texts at the boxes, for dark pixels.
    false_positive_ink, false_negative_ink, label_ink, true_negative_ink : str
        Colours of the same texts, for bright pixels.
    pending : str
        Colour of the hollow box inside a cutout whose verdict is not recorded yet.
    halo : str
        Colour around the frames and the compass, visible on bright pixels.
    grid : str
        Colour of the grid's lines.
    reviewed_opacity : float
        Opacity of the box of a cutout that has been reviewed.
    map_opacity : float
        Opacity of the map that replaces small boxes.
    box_width, current_width, grid_width : float
        Widths of the lines.
    inset : float
        Distance between the two boxes of a TP, in sides of the outer box.
    pending_inset : float
        Distance of the hollow box from the cutout's edge, in sides of the cutout.
    halo_width : float
        Width of the halo beyond the lines.
    current_gap : float
        Distance of the current frame from its cutout.
    text_size : int
        Size of the tags and confidences in points.
    text_height : float
        Height of a line of text.
    smallest_labelled_cutout : float
        Side of a cutout below which its text is hidden, because the text would cover
        the middle of a neighbour.
    smallest_box : float
        Side of a cutout below which the map replaces its box.
    """

    false_positive: str = "#c46bff"
    false_negative: str = "#4d9dff"
    label_box: str = "#35d06f"
    prediction_box: str = "#ff5c5c"
    true_negative: str = "#d0d0d0"
    hidden: str = "#b8b8b8"
    false_positive_text: str = "#e6c4ff"
    false_negative_text: str = "#a9d1ff"
    label_text: str = "#9af5bb"
    false_positive_ink: str = "#4a0a78"
    false_negative_ink: str = "#062f7a"
    label_ink: str = "#05401d"
    true_negative_ink: str = "#303030"
    pending: str = "#ffffff"
    halo: str = "#000000"
    current: str = "#ffd60a"
    selection: str = "#ffffff"
    grid: str = "#ffffff40"
    reviewed_opacity: float = 0.4
    map_opacity: float = 0.55
    box_width: float = 2.0
    current_width: float = 3.0
    grid_width: float = 1.0
    halo_width: float = 1.25
    current_gap: float = 4.0
    inset: float = 0.035
    pending_inset: float = 0.08
    text_size: int = 11
    text_height: float = 16.0
    smallest_labelled_cutout: float = 60.0
    smallest_box: float = 14.0


STYLE = OverlayStyle()
