"""A TCP proxy that simulates a slow network: it delays, limits and counts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from typing import Any, Self


class DelayProxy:
    """Forward connections to a port of this computer with a delay.

    Use it as a context manager.

    Parameters
    ----------
    target : int
        The port to forward to.
    delay : float
        Seconds of delay in each direction; half a round trip.
    bytes_per_second : float, optional
        The speed at which the client can send; unlimited by default.

    Attributes
    ----------
    port : int
        The port of the proxy.
    round_trips : int
        How often clients waited for an answer: once for each connection, and once each
        time that a client sent something after it had received something.
    connections : int
        The number of connections that clients made.
    """

    def __init__(
        self, target: int, delay: float = 0.0, bytes_per_second: float | None = None
    ) -> None:
        self.port = 0
        self.round_trips = 0
        self.connections = 0
        self._target = target
        self._delay = delay
        self._speed = bytes_per_second
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._open:
            connection.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _forward(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        self.round_trips += 1
        is_answered = True

        def note_question() -> None:
            nonlocal is_answered
            self.round_trips += is_answered
            is_answered = False

        def note_answer() -> None:
            nonlocal is_answered
            is_answered = True

        tasks: list[asyncio.Task[None]] = []
        self._open.add(to_client)
        with closing(to_client), suppress(OSError):
            from_server, to_server = await asyncio.open_connection(
                "127.0.0.1", self._target
            )
            with closing(to_server):
                tasks += self._pump(from_client, to_server, note_question, self._speed)
                tasks += self._pump(from_server, to_client, note_answer, None)
                try:
                    # When one side closes its connection, close the other.
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
        self._open.discard(to_client)

    def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        note: Callable[[], None],
        speed: float | None,
    ) -> tuple[asyncio.Task[None], asyncio.Task[None]]:
        """Start to forward one direction, until its source ends."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def read() -> None:
            while data := await reader.read(65536):
                note()
                under_way.put_nowait((self._loop.time() + self._delay, data))
            under_way.put_nowait((self._loop.time() + self._delay, b""))
            # The connection ends only when the last byte arrives.
            await asyncio.Future()

        async def write() -> None:
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(due - self._loop.time())
                if not data:
                    return
                if speed is not None:
                    await asyncio.sleep(len(data) / speed)
                writer.write(data)
                await writer.drain()

        return asyncio.create_task(read()), asyncio.create_task(write())
