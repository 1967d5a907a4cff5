"""Parse and check database URLs, and hide their passwords."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, quote_plus

import sqlalchemy as sa

from napari_artifact_review.core.errors import StoreError

POSTGRESQL = "postgresql+psycopg"

#: Supported drivers, by their names in a URL. libpq's own tools accept the first two.
_DRIVERS = {
    "postgres": POSTGRESQL,
    "postgresql": POSTGRESQL,
    POSTGRESQL: POSTGRESQL,
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
}

_SUPPORTED = "Name a postgresql+psycopg:// URL; for --store, an SQLite file"

#: The scheme before "://". Messages show no other part of an invalid URL, because that
#: part could contain a password.
_SCHEME = re.compile(r"([A-Za-z][\w+.-]*)://")

#: Options of libpq whose values are secrets. Options with the path of a secret file are
#: not included.
_SECRETS = (
    "password",
    "sslpassword",
    "scram_client_key",
    "scram_server_key",
    "oauth_client_secret",
)


def read_database_url(text: str) -> sa.URL | Path:
    """Parse a database URL from the user, without connecting to the database.

    Error messages do not contain the full URL, because it may include a password.

    Parameters
    ----------
    text : str
        `postgresql+psycopg://USER@HOST:PORT/DATABASE?OPTIONS` (the driver may be
        omitted), or `sqlite:///FILE`.

    Returns
    -------
    sqlalchemy.URL or Path
        The URL of a PostgreSQL database, or the absolute path of an SQLite file.

    Raises
    ------
    StoreError
        If the URL is invalid, if its database, driver or options are not supported, or
        if the driver is not installed.
    """
    scheme = _SCHEME.match(text)
    if scheme is None or not text.isprintable():
        raise StoreError("this is not a database URL", remedy=_SUPPORTED)
    name = scheme[1].lower()
    if name not in _DRIVERS:
        raise StoreError(f"{name} databases are not supported", remedy=_SUPPORTED)
    url = _split(text, name).set(drivername=_DRIVERS[name])
    return _check_postgresql(url) if url.drivername == POSTGRESQL else _sqlite_file(url)


def safe_name(url: sa.URL) -> str:
    """Return a URL as text without password and options, to show in messages."""
    shown = sa.URL.create(
        url.drivername, url.username, None, url.host, url.port, url.database
    )
    return shown.render_as_string()


def without_secrets(message: str, url: sa.URL) -> str:
    """Return a driver's message with each secret of a URL replaced by ***."""
    secrets = {str(url.password or "")}
    for option in _SECRETS:
        secrets.update(url.normalized_query.get(option, ()))
    # Replace the longest secret first, because a secret may be part of another one.
    for secret in sorted(secrets - {""}, key=len, reverse=True):
        for spelling in (secret, quote(secret, safe=""), quote_plus(secret)):
            message = message.replace(spelling, "***")
    return message


def _split(text: str, name: str) -> sa.URL:
    try:
        url = sa.make_url(text)
    except ValueError:
        # Drop the cause, because its message contains the port.
        raise _bad_port(name) from None
    if url.port is not None and not 0 < url.port < 65536:
        raise _bad_port(name)
    if "@" in (url.host or ""):
        # Such a host begins with the end of the password, and messages show the host.
        raise StoreError(
            f"this {name} URL has more than one @ before its host",
            remedy="Write an @ in a name or password as %40",
        )
    return url


def _bad_port(name: str) -> StoreError:
    # Do not show the port: in a URL without a host, the port is really the password.
    return StoreError(
        f"the port of this {name} URL is not a number from 1 to 65535",
        remedy=f"Write it as {name}://USER@HOST:PORT/DATABASE",
    )


def _sqlite_file(url: sa.URL) -> Path:
    if url.host or url.username or url.password or url.port:
        raise StoreError(
            "an SQLite URL names a file, not a host",
            remedy="Write it with three slashes, sqlite:///FILE, or with four before "
            "an absolute path",
        )
    if url.query:
        raise StoreError(
            f"an SQLite URL with options ({', '.join(url.query)}) is not supported",
            remedy="Name the file alone",
        )
    if not url.database or url.database == ":memory:":
        raise StoreError(
            "an SQLite database in memory ends with the program", remedy="Name a file"
        )
    return Path(url.database).absolute()


def _check_postgresql(url: sa.URL) -> sa.URL:
    try:
        # psycopg is optional: a review on one computer needs no server.
        from psycopg import pq
    except ImportError as error:
        raise StoreError(
            "PostgreSQL needs the package psycopg, which cannot be imported",
            remedy='Run: pip install "napari-artifact-review[postgresql]"',
        ) from error
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    unknown = url.query.keys() - known
    if unknown:
        raise StoreError(
            f"PostgreSQL has no option named {', '.join(sorted(unknown))}",
            where=safe_name(url),
            remedy="https://www.postgresql.org/docs/current/libpq-connect.html lists "
            "the options",
        )
    repeated = _repeated(url)
    if repeated:
        raise StoreError(
            f"the URL has more than one {', '.join(sorted(repeated))}",
            where=safe_name(url),
            remedy="Name each option once",
        )
    if "password" in url.query:
        # Move the password to the attribute that SQLAlchemy hides in a printed URL.
        url = url.set(password=url.normalized_query["password"][0])
        url = url.difference_update_query(["password"])
    return url


def _repeated(url: sa.URL) -> set[str]:
    """Return the options that a URL contains more than once, except host and port."""
    values = url.normalized_query.items()
    return {name for name, value in values if len(value) > 1} - {"host", "port"}
