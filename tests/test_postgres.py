"""The server and the slow network of the tests work."""

from __future__ import annotations

import psycopg
import pytest

from napari_artifact_review.core.decisions.database_url import read_database_url
from tests.delay_proxy import DelayProxy


def connect(server, port=None):
    url = read_database_url(server.url(port=port))
    return psycopg.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        dbname=url.database,
        autocommit=True,
        sslmode="disable",
        connect_timeout=2,
    )


def test_it_is_there_again_after_it_was_killed_stopped_or_frozen(server):
    name = server.make_database()
    for end in (server.kill, server.stop, server.freeze):
        end()
        with pytest.raises(psycopg.OperationalError):
            connect(server)
        server.thaw()
        server.start()
        assert server.execute("SELECT 1", name) == [(1,)]


def test_a_proxy_counts_how_often_an_answer_is_waited_for(server):
    with DelayProxy(server.port, 0.001) as proxy:
        with connect(server, proxy.port) as db:
            begun = proxy.round_trips
            # The connection, and three steps of the password's check.
            assert begun == 4
            for _ in range(3):
                db.execute("SELECT 1")
            assert proxy.round_trips == begun + 3
        assert proxy.connections == 1


def test_a_proxy_to_nowhere_refuses(server):
    server.stop()
    with DelayProxy(server.port) as proxy, pytest.raises(psycopg.OperationalError):
        connect(server, proxy.port)
