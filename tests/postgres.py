"""A real PostgreSQL server of the tests' own, which can be killed and frozen.

`script/install-postgres` installs one on Debian. Where there is none, the tests that
need it are left out when they are collected, and one line says so.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

USER = "ada"
#: With characters that a URL has to quote.
PASSWORD = "hunter2+p@ss"

#: The user that Debian's package makes: a server refuses to run as root.
_SERVICE_USER = "postgres"

#: Nothing here has to survive a power cut, only that the server is killed.
_SETTINGS = (
    "fsync=off",
    "full_page_writes=off",
    "unix_socket_directories=",
    "listen_addresses=127.0.0.1",
)


def find_programs() -> Path | None:
    """Return the folder with PostgreSQL's programs; None if there is none."""
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if shutil.which("pg_config"):
        told = subprocess.run(
            ["pg_config", "--bindir"], capture_output=True, text=True, check=True
        )
        folders.insert(0, Path(told.stdout.strip()))
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


def can_run() -> bool:
    """Tell whether a server can be started here."""
    # Windows has another way to start a server, and no service user.
    if os.name == "nt" or find_programs() is None:
        return False
    return os.geteuid() != 0 or _service_user() is not None


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that need a server if none can be started here."""
    needing = [item for item in items if _needs_server(item)]
    if needing and not can_run():
        items[:] = [item for item in items if not _needs_server(item)]
        config.hook.pytest_deselected(items=needing)


def header() -> list[str]:
    """Return the line that says that tests are left out, if they are."""
    if can_run():
        return []
    return [
        "no PostgreSQL server here (script/install-postgres): its tests are left out"
    ]


def _service_user() -> tuple[int, int] | None:
    """Return the ids of the service user and of its group, if there is one."""
    import pwd

    for user in pwd.getpwall():
        if user.pw_name == _SERVICE_USER:
            return user.pw_uid, user.pw_gid
    return None


def _needs_server(item: pytest.Item) -> bool:
    return "postgres_server" in getattr(item, "fixturenames", ())


class PostgresServer:
    """A server on a free port of this computer, with a folder of its own.

    Attributes
    ----------
    port : int
        Where it listens, also after a restart.
    """

    def __init__(self) -> None:
        programs = find_programs()
        assert programs is not None, "ask can_run() first"
        self._programs = programs
        # The service user cannot enter pytest's own temporary folders.
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-of-the-tests-"))
        self._as_user: Mapping[str, object] = {}
        if os.geteuid() == 0:
            ids = _service_user()
            assert ids is not None, "ask can_run() first"
            os.chown(self._folder, *ids)
            self._as_user = {"user": ids[0], "group": ids[1], "extra_groups": []}
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._is_frozen = False
        self.port = free_port()
        self._make_cluster()
        self.start()

    def url(self, database: str = "postgres", port: int | None = None) -> str:
        """Return the URL of a database, with the password; or through another port."""
        password = PASSWORD.replace("@", "%40")
        address = f"127.0.0.1:{port or self.port}"
        return f"postgresql+psycopg://{USER}:{password}@{address}/{database}"

    def make_database(self) -> str:
        """Make a new database and return its name."""
        name = f"review_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run SQL in a database, on a connection of its own; return its rows."""
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=PASSWORD,
            dbname=database,
            autocommit=True,
        ) as db:
            cursor = db.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start it unless it runs, and return when it answers."""
        if self._process is not None:
            return
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        with (self._folder / "server.log").open("ab") as log:
            self._process = self._run(
                "postgres", "-D", self._data, "-p", str(self.port), *settings, log=log
            )
        end = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                log_text = (self._folder / "server.log").read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL did not start:\n{log_text[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in order: clients lose their connection, and new ones are refused."""
        self.thaw()
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """Kill it with all its processes, in whatever they do."""
        if self._process is not None:
            processes = self._signal(signal.SIGKILL)
            self._process.wait(30)
            psutil.wait_procs(processes, 30)
            self._process = None
            self._is_frozen = False

    def freeze(self) -> None:
        """Stop all its processes; the kernel still accepts and acknowledges."""
        self._is_frozen = True
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume all its processes."""
        if self._is_frozen:
            self._signal(signal.SIGCONT)
            self._is_frozen = False

    def close(self) -> None:
        """Kill it and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder)

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _make_cluster(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        initdb = self._run(
            "initdb",
            *("-D", self._data, "-U", USER, "--pwfile", str(password)),
            *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"),
            log=subprocess.PIPE,
        )
        told, _ = initdb.communicate(timeout=60)
        if initdb.returncode:
            raise RuntimeError(f"initdb failed:\n{told.decode(errors='replace')}")

    def _run(self, program: str, *args: str, log: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
            [self._programs / program, *args],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            # A Ctrl-C that ends the tests ends the server through close() alone.
            start_new_session=True,
            **self._as_user,
        )

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _signal(self, number: signal.Signals) -> list[psutil.Process]:
        """Send a signal to all processes of the server, and return them."""
        if self._process is None:
            return []
        first = psutil.Process(self._process.pid)
        if number == signal.SIGSTOP:
            # From here on it starts no more.
            first.send_signal(number)
        processes = [first, *first.children(recursive=True)]
        for process in processes:
            # One whose client has gone may just have ended.
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return processes


def free_port() -> int:
    """Return a port of this computer that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
