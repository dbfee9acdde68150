"""The program of the worker process, which `process` starts: serves the rollout's recordings, each in threads.

It ends when the rollout is gone, whatever ended that, and all that it was given is on disk.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import resource
import signal
import socket
import sys
import threading
import time

from daddy_encode.dump.worker import protocol
from daddy_encode.dump.worker.channel import Kind, Message, receive
from daddy_encode.dump.worker.memory import Memory, map_file
from daddy_encode.dump.worker.server import Server

# To wake this process costs whoever sends a message 10 to 40 microseconds, a twentieth of a fast rollout's step. So it
# looks again by itself, and only after so many looks sleeps until it is woken.
_LOOKS = 10
_POLL_SECONDS = 0.0005


def main(descriptor: int) -> None:
    """Serve until the other end of `descriptor`, a socket, is closed."""
    for number in protocol.SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, protocol.SIGNALS)
    # Nothing of the rollout's working directory should be in use because of us.
    os.chdir("/")
    control = socket.socket(fileno=descriptor)
    # Where the system allows none, the rollout hears at once that this process is of no use.
    _thread.start_new_thread(int, ())
    # A rollout that has ended meanwhile has left recordings all the same.
    with contextlib.suppress(OSError):
        control.send(protocol.READY, socket.MSG_NOSIGNAL)
    servers: dict[int, Server] = {}
    # So many compress at a time, in all recordings together: more would only take processors from the rollout.
    places = threading.BoundedSemaphore(len(os.sched_getaffinity(0)))
    # A rollout of many recordings may be at its limit of open files; this process opens as many again.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Of a receiving that has failed: nobody knows what was sent.
    last: Message | None = Message(0, Kind.FRAME, 0, None)
    try:
        while (message := _receive(control)) is not None:
            if message.kind is Kind.OPEN:
                servers = {number: server for number, server in servers.items() if not server.finished.is_set()}
                if (server := _serve(message, places)) is not None:
                    servers[message.recording] = server
                else:
                    # It may have to wait until the rollout has looked; a rollout that is gone needs no answer.
                    with contextlib.suppress(OSError):
                        control.send(message.recording.to_bytes(4, sys.byteorder), socket.MSG_NOSIGNAL)
            elif message.recording in servers:
                servers[message.recording].messages.put(message)
        last = None
    finally:
        # Whatever has failed: what was taken is finished, and the rollout starts another process for what is to come.
        with contextlib.suppress(OSError):
            control.shutdown(socket.SHUT_RD)
        for server in servers.values():
            server.messages.put(last)
        for server in servers.values():
            server.finished.wait()
        os._exit(0)


def _receive(control: socket.socket) -> Message | None:
    for _ in range(_LOOKS):
        try:
            return receive(control, socket.MSG_DONTWAIT)
        except BlockingIOError:
            time.sleep(_POLL_SECONDS)
    return receive(control)


def _serve(message: Message, places: threading.BoundedSemaphore) -> Server | None:
    """Serve a recording; None where that cannot be: there are no memory, threads or descriptors left."""
    if message.memory is None:
        return None
    try:
        own = Memory(map_file(message.memory))
        if message.text is not None:
            return Server(message.text, own, 0, places, contextlib.nullcontext())
    except Exception:
        pass
    finally:
        os.close(message.memory)
    return None
