"""URLs of databases: which are supported, and that no message has a password."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from napari_artifact_review.core.decisions.database_url import (
    read_database_url,
    safe_name,
    without_secrets,
)
from napari_artifact_review.core.errors import StoreError

SECRET = "hunter2"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_name_of_postgresql_means_psycopg(scheme):
    url = read_database_url(f"{scheme}://ada@host:5433/night?sslmode=require")
    assert url.drivername == "postgresql+psycopg"
    assert safe_name(url) == "postgresql+psycopg://ada@host:5433/night"
    assert url.query == {"sslmode": "require"}


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
def test_an_sqlite_url_is_the_path_of_its_file(scheme, tmp_path):
    assert read_database_url(f"{scheme}:///{tmp_path}/a b.db") == tmp_path / "a b.db"
    assert read_database_url(f"{scheme}:///a.db") == Path("a.db").absolute()


@pytest.mark.parametrize(
    "scheme",
    [
        "mysql",
        "mysql+pymysql",
        "oracle",
        "postgresql+asyncpg",
        "postgresql+psycopg2",
        "postgresql+psycopg_async",
        "sqlite+aiosqlite",
        "sqlite+pysqlcipher",
    ],
)
def test_any_other_database_or_driver_is_refused_by_name(scheme):
    with pytest.raises(StoreError) as caught:
        read_database_url(f"{scheme}://ada:{SECRET}@host/night")
    assert f"{scheme} databases are not supported" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"postgresql://ada:{SECRET}@host:no/night", "not a number from 1 to 65535"),
        (f"postgresql://ada:{SECRET}@host:99999/night", "not a number from 1 to 65535"),
        (f"postgresql://ada:{SECRET}@host:0/night", "not a number from 1 to 65535"),
        # Without a host, the password is in the position of the port.
        (f"postgresql://ada:{SECRET}/night", "not a number from 1 to 65535"),
        # The rest of the password is in the position of the host.
        (f"postgresql://ada:p@{SECRET}@host/night", "more than one @"),
        (f"postgresql://ada:{SECRET}@host/night?autocommit=1", "autocommit"),
        (f"postgresql://host/night?password={SECRET}&turbo=1", "turbo"),
        (f"postgresql://host/night?password={SECRET}&password=x", "more than one"),
        (f"host=here password={SECRET}", "not a database URL"),
        (f"ada {SECRET}://host", "not a database URL"),
        (f"postgresql://ada:{SECRET}@host/night\udcff", "not a database URL"),
    ],
)
def test_a_faulty_url_is_one_error_without_the_password(url, reason):
    with pytest.raises(StoreError, match=reason) as caught:
        read_database_url(url)
    error = caught.value
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///a.db?mode=ro", "options .mode."),
        ("sqlite:///file:a.db?uri=true", "options .uri."),
        ("sqlite://a.db", "three slashes"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
    ],
)
def test_what_an_sqlite_url_cannot_say_is_refused(url, reason):
    with pytest.raises(StoreError, match=reason):
        read_database_url(url)


def test_a_missing_driver_is_one_error_that_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError) as caught:
        read_database_url(f"postgresql://ada:{SECRET}@host/night")
    assert 'pip install "napari-artifact-review[postgresql]"' in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql://ada:p%40ss+w@host/night", "p@ss+w"),
        ("postgresql://ada@host/night?password=p@ss+w", "p@ss w"),
        ("postgresql://ada@host/night?sslpassword=p@ss%20w", "p@ss w"),
    ],
)
def test_no_password_is_left_in_a_name_or_a_message(url, password):
    read = read_database_url(url)
    assert safe_name(read) == "postgresql+psycopg://ada@host/night"
    for spelling in (password, quote(password), quote_plus(password)):
        assert without_secrets(f"bad {spelling}!", read) == "bad ***!"


def test_a_password_in_the_options_is_hidden_wherever_the_url_is_printed():
    read = read_database_url(f"postgresql://ada@host/night?password={SECRET}")
    assert read.password == SECRET
    assert SECRET not in f"{read} {read!r}"
