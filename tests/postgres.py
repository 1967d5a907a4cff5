"""A real PostgreSQL server for the tests, which can be killed and frozen.

`script/install-postgres` installs PostgreSQL on Debian. Without it, pytest deselects
the tests that need a server, and one line says so.
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
#: It contains characters that a URL must quote.
PASSWORD = "hunter2+p@ss"

#: The user of Debian's package; a server refuses to run as root.
_SERVICE_USER = "postgres"

#: The data must survive a kill of the server, but no power cut.
_SETTINGS = (
    "fsync=off",
    "full_page_writes=off",
    "unix_socket_directories=",
    "listen_addresses=127.0.0.1",
)


def find_programs() -> Path | None:
    """Return the folder with PostgreSQL's programs; None if it is not installed."""
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
    """Return whether a server can be started here."""
    # Windows starts a server in another way and has no service user.
    if os.name == "nt" or find_programs() is None:
        return False
    return os.geteuid() != 0 or _service_user() is not None


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that need a server if none can be started here."""
    needing = [item for item in items if _needs_server(item)]
    if needing and not can_run():
        items[:] = [item for item in items if not _needs_server(item)]
        config.hook.pytest_deselected(items=needing)


def header() -> list[str]:
    """Return a line that says that tests are deselected, if they are."""
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
    names = getattr(item, "fixturenames", ())
    return "postgres_server" in names or item.get_closest_marker("postgres") is not None


class PostgresServer:
    """A server on a free port of this computer, with its own folder.

    Attributes
    ----------
    port : int
        Its port, also after a restart.
    """

    def __init__(self) -> None:
        programs = find_programs()
        assert programs is not None, "ask can_run() first"
        self._programs = programs
        # The service user has no access to pytest's temporary folders.
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
        """Return the URL of a database, with the password; `port` may be a proxy's."""
        password = PASSWORD.replace("@", "%40")
        address = f"127.0.0.1:{port or self.port}"
        return f"postgresql+psycopg://{USER}:{password}@{address}/{database}"

    def make_database(self) -> str:
        """Make a new database and return its name."""
        name = f"review_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run SQL in a database on a new connection; return its rows."""
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
        """Start the server unless it runs, and return when it answers."""
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
        """Shut the server down: clients lose their connection."""
        self.thaw()
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """Kill the server with all its processes."""
        if self._process is not None:
            processes = self._signal(signal.SIGKILL)
            self._process.wait(30)
            psutil.wait_procs(processes, 30)
            self._process = None
            self._is_frozen = False

    def freeze(self) -> None:
        """Stop all its processes; the kernel still accepts connections."""
        self._is_frozen = True
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume all its processes."""
        if self._is_frozen:
            self._signal(signal.SIGCONT)
            self._is_frozen = False

    def close(self) -> None:
        """Kill the server and remove its folder."""
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
            # A Ctrl-C that ends the tests must end the server only through close().
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
            # After this signal the server starts no more processes.
            first.send_signal(number)
        processes = [first, *first.children(recursive=True)]
        for process in processes:
            # The process of a closed connection may have ended.
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return processes


def free_port() -> int:
    """Return a port of this computer that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
