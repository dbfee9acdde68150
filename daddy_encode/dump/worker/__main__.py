"""The program of the worker process, which `process` starts: serves the rollout's recordings, each in threads.

It ends when the rollout is gone, whatever ended that, and all that it was given is on disk.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import signal
import socket
import threading

from daddy_encode.dump.worker import protocol
from daddy_encode.dump.worker.server import PROCESS_POLL_SECONDS, Server


def main(descriptor: int) -> None:
    """Serve until the other end of `descriptor`, a socket, is closed."""
    for number in protocol.SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, protocol.SIGNALS)
    # Nothing of the rollout's working directory should be in use because of us.
    os.chdir("/")
    control = socket.socket(fileno=descriptor)
    # Where the system allows none, the rollout hears at once that this process is of no use.
    threading.Thread(target=int).start()
    # A rollout that has ended meanwhile has left recordings all the same.
    with contextlib.suppress(OSError):
        control.send(protocol.READY, socket.MSG_NOSIGNAL)
    servers: list[Server] = []
    # So many compress at a time, in all recordings together: more would only take processors from the rollout.
    places = threading.BoundedSemaphore(len(os.sched_getaffinity(0)))
    # A rollout of many recordings may be at its limit of open files; this process opens as many again.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    while (received := socket.recv_fds(control, 1, 2))[0]:
        descriptors = received[1]
        if len(descriptors) < 2:
            # No more can be opened: the rollout finds that this recording has ended.
            list(map(os.close, descriptors))
            continue
        memory, end = descriptors[0], socket.socket(fileno=descriptors[1])
        servers = [server for server in servers if not server.finished.is_set()]
        try:
            server = Server(end, mmap.mmap(memory, 0), PROCESS_POLL_SECONDS, places)
            server.start()
            servers.append(server)
        except (OSError, RuntimeError):
            # No memory or no threads left: the rollout finds that this recording has ended.
            end.close()
        os.close(memory)
    for server in servers:
        server.finished.wait()
    os._exit(0)
