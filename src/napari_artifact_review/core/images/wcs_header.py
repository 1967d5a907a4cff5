"""Headers of FITS images as they are: inherited, with odd cards, or incomplete."""

from __future__ import annotations

import re
from typing import Any

from astropy.io import fits

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.fits_files import is_hierarch

#: Keywords of which a WCS is made, for the two axes of an image.
_OF_WCS = re.compile(
    r"(CRVAL|CRPIX|CDELT|CTYPE|CUNIT|CROTA)\d|(CD|PC|PV|PS)\d+_\d+|"
    r"(LON|LAT)POLE|RADESYS|EQUINOX|[AB]P?_(\d_\d|ORDER)"
)
#: Those that must be finite numbers, if they are there.
_NUMERIC = re.compile(
    r"(CRVAL|CRPIX|CDELT|CROTA)[12]|(CD|PC)0*[12]_?0*[12]|PV[12]_\d+|"
    r"(LON|LAT)POLE|[AB]P?_\d+_\d+"
)
#: Two ways to write scale and rotation, of which a header has one.
_CD = re.compile(r"CD(\d+_\d+|\d{6})")
_PC = re.compile(r"PC(\d+_\d+|\d{6})|(CDELT|CROTA)\d")
_MATRIX = re.compile(r"(CD|PC)0*([12])_?0*([12])")
_HAS_SIP = re.compile(r"[AB]_ORDER")
_SUFFIX = "-SIP"
_ELEMENTS = ("11", "12", "21", "22")
#: Largest plausible scale of an image in degrees a pixel.
_WIDEST = 0.1
_INFINITE = 1e300


def inherited(header: fits.Header, primary: fits.Header) -> fits.Header:
    """Return the header of an HDU with what it inherits from the primary header.

    An extension with ``INHERIT = T`` inherits all keywords that it does not have
    itself (FITS standard 4.0, section 4.4.2.6), if the primary HDU has no data.

    Parameters
    ----------
    header, primary : Header
        Headers of the HDU and of the primary HDU.
    """
    if header.get("INHERIT") is not True or primary.get("NAXIS") != 0:
        return header
    whole = header.copy()
    # Scale and rotation come from one header: CD from one and PC from another would be
    # two answers.
    other = None
    if any(map(_CD.fullmatch, header)):
        other = _PC
    elif any(map(_PC.fullmatch, header)):
        other = _CD
    # Without the keywords that describe the data.
    for card in primary.copy(strip=True).cards:
        if card.keyword in whole or card.keyword in ("", "COMMENT", "HISTORY"):
            continue
        if other is None or not other.fullmatch(card.keyword):
            whole.append(card)
    return whole


def readable(header: fits.Header) -> tuple[fits.Header, bool]:
    """Return a header that astropy's WCS can read, without its odd cards.

    Parameters
    ----------
    header : Header
        Header of an image.

    Returns
    -------
    header : Header
        Its cards in printable ASCII. ``CTYPE`` has the suffix of SIP terms, if the
        header has such terms.
    lacks_suffix : bool
        Whether the suffix was missing.

    Raises
    ------
    ImageError
        If an odd card belongs to the WCS.
    """
    cards = []
    for card in header.cards:
        if is_hierarch(card):
            # wcslib does not read it.
            continue
        if _is_plain(card):
            cards.append(card)
        elif _OF_WCS.fullmatch(card.keyword):
            raise _unknown(f"its header has odd characters in {card.keyword}")
    # A header shares its cards with the list, a copy does not.
    clean = fits.Header(cards).copy()
    types = [clean.get(f"CTYPE{axis}") for axis in (1, 2)]
    has_terms = any(_HAS_SIP.fullmatch(keyword) for keyword in clean)
    are_texts = all(isinstance(text, str) and text.strip() for text in types)
    lacks_suffix = (
        has_terms
        and are_texts
        and not all(text.strip().endswith(_SUFFIX) for text in types)
    )
    if lacks_suffix:
        for axis, text in enumerate(types, 1):
            clean[f"CTYPE{axis}"] = text.strip().removesuffix(_SUFFIX) + _SUFFIX
    return clean, lacks_suffix


def _is_plain(card: fits.Card) -> bool:
    """Return whether a card has nothing but printable ASCII characters."""
    try:
        image: str = card.image
    except (ValueError, fits.VerifyError):
        return False
    return image.isascii() and image.isprintable()


def check_complete(header: fits.Header) -> None:
    """Raise an error if a WCS lacks the numbers that place it on the sky.

    The FITS standard has defaults for them: without ``CRVAL1``, an image would be at
    right ascension 0.

    Parameters
    ----------
    header : Header
        Header of an image whose first two axes are celestial.

    Raises
    ------
    ImageError
        If ``CRVAL``, ``CRPIX`` or the scale is missing, if a keyword of the WCS is not
        a number, or if the scale and rotation of the image are not determined.
    """
    # Of repeated cards, wcslib takes the last one.
    numbers: dict[str, float] = {}
    for card in header.cards:
        if _NUMERIC.fullmatch(card.keyword):
            numbers[card.keyword] = _number(card)
    _check_there(numbers, "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")
    _check_matrix(numbers)
    equinox = [card for card in header.cards if card.keyword == "EQUINOX"]
    if equinox and _depends_on_equinox(header):
        _check_equinox(equinox[-1])


def _check_matrix(numbers: dict[str, float]) -> None:
    """Raise an error if numbers do not determine scale and rotation."""
    found: dict[str, dict[str, float]] = {"CD": {}, "PC": {}}
    for keyword, number in numbers.items():
        if part := _MATRIX.fullmatch(keyword):
            found[part[1]][part[2] + part[3]] = number
    cd, pc = found["CD"], found["PC"]
    if cd and pc:
        raise _unknown("its header has both CD and PC, which exclude each other")
    if cd:
        a, b, c, d = (cd.get(at, 0.0) for at in _ELEMENTS)
        if _is_singular(a, b, c, d):
            # wcslib would set an axis without elements to one degree a pixel.
            _check_there(numbers, *(f"CD{n}_{n}" for n in "12" if n + n not in cd))
            raise _unknown("its CD matrix has no inverse")
        return
    a, b, c, d = (pc.get(at, float(at[0] == at[1])) for at in _ELEMENTS)
    has_scale = "CDELT1" in numbers or "CDELT2" in numbers
    # A whole matrix PC may have the scale in it.
    is_scale = len(pc) == 4 and abs(a * d - b * c) < _WIDEST**2
    if not has_scale and is_scale and not _is_singular(a, b, c, d):
        return
    _check_there(numbers, "CDELT1", "CDELT2")
    x, y = numbers["CDELT1"], numbers["CDELT2"]
    if _is_singular(a * x, b * x, c * y, d * y):
        raise _unknown("its CDELT and PC have no inverse")


def _is_singular(a: float, b: float, c: float, d: float) -> bool:
    """Return whether the matrix ((a, b), (c, d)) has no inverse."""
    return not abs(a * d - b * c) > 1e-12 * (abs(a * d) + abs(b * c))


def _depends_on_equinox(header: fits.Header) -> bool:
    """Return whether positions are right ascensions of a frame with an equinox."""
    is_equatorial = str(header.get("CTYPE1", ""))[:2] in ("RA", "DE")
    return is_equatorial and str(header.get("RADESYS", "")).strip().upper() != "ICRS"


def _check_equinox(card: fits.Card) -> None:
    year = _value(card)
    if isinstance(year, fits.card.Undefined):
        return
    if not isinstance(year, (int, float)) or not 1800 <= year <= 2200:
        raise _unknown("its EQUINOX is not a year from 1800 to 2200")


def _check_there(numbers: dict[str, float], *keywords: str) -> None:
    for keyword in keywords:
        if keyword not in numbers:
            raise _unknown(f"its header has no number for {keyword}")


def _number(card: fits.Card) -> float:
    """Return the value of a card, which must be a finite number."""
    value = _value(card)
    # A logical value is an int in Python.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not abs(value) < _INFINITE:
        raise _unknown(f"its header has no number for {card.keyword}")
    return float(value)


def _value(card: fits.Card) -> Any:
    """Return the value of a card; None if it cannot be read."""
    try:
        return card.value
    except fits.VerifyError:
        return None


def _unknown(reason: str) -> ImageError:
    return ImageError(
        f"no sky coordinates: {reason}",
        remedy="Correct the header to see positions on the sky",
    )
