"""Headers of FITS images as they are: inherited, with odd cards, or incomplete."""

from __future__ import annotations

import re

from astropy.io import fits

from napari_artifact_review.core.errors import ImageError

#: Keywords of which a WCS is made, for the two axes of an image.
_OF_WCS = re.compile(
    r"(CRVAL|CRPIX|CDELT|CTYPE|CUNIT|CROTA)\d|(CD|PC|PV|PS)\d+_\d+|"
    r"(LON|LAT)POLE|RADESYS|EQUINOX|[AB]P?_(\d_\d|ORDER)"
)
_MATRIX = re.compile(r"(CD|PC)0*([12])_?0*([12])")
_HAS_SIP = re.compile(r"[AB]_ORDER")
_SUFFIX = "-SIP"


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
    # Without the keywords that describe the data.
    for card in primary.copy(strip=True).cards:
        if card.keyword not in whole and card.keyword not in ("", "COMMENT", "HISTORY"):
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
        has_terms and are_texts and not any(text.endswith(_SUFFIX) for text in types)
    )
    if lacks_suffix:
        for axis, text in enumerate(types, 1):
            clean[f"CTYPE{axis}"] = f"{text.strip()}{_SUFFIX}"
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
        If ``CRVAL``, ``CRPIX`` or the scale is missing or is not a number.
    """
    for name in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2"):
        _check_number(header, name)
    matrix = [keyword for keyword in header if _MATRIX.fullmatch(keyword)]
    for keyword in matrix:
        _check_number(header, keyword)
    rows = {
        found[2]
        for keyword in matrix
        if (found := _MATRIX.fullmatch(keyword)) and found[1] == "CD"
    }
    if rows:
        for axis in {"1", "2"} - rows:
            raise _unknown(f"its header has no number for CD{axis}_{axis}")
        return
    for name in ("CDELT1", "CDELT2"):
        # A matrix PC may have the scale in it.
        if name in header or not matrix:
            _check_number(header, name)


def _check_number(header: fits.Header, keyword: str) -> None:
    value = header.get(keyword)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _unknown(f"its header has no number for {keyword}")


def _unknown(reason: str) -> ImageError:
    return ImageError(
        f"no sky coordinates: {reason}",
        remedy="Correct the header to see positions on the sky",
    )
