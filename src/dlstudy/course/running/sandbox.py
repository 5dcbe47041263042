"""Cut a lesson's process off from the network, and measure what it cost; standard library and psutil only.

Where the system allows it the process gets a network namespace of its own, in which only loopback exists, and so do all
its children. Elsewhere Python itself refuses, here and in child processes that run Python. Either way an attempt is
written down, because code that swallows the error still depends on the network.
"""

import ctypes
import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any

LOG_VARIABLE = "DLSTUDY_RUN_LOG"
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8914, 0x1, 0x40
_SITE = """\
import runpy
runpy.run_path({file!r})["guard"]()
"""


def block_network(helpers: Path) -> str:
    """Cut this process and its children off from everything but loopback; return "namespace" or "guard".

    Call it before any thread starts. `helpers` is a folder for a start-up file that child processes load where there
    is no namespace.
    """
    way = "namespace" if _own_namespace() else "guard"
    if way == "guard":
        helpers.mkdir(parents=True, exist_ok=True)
        (helpers / "sitecustomize.py").write_text(_SITE.format(file=str(Path(__file__))), encoding="utf-8")
        before = os.environ.get("PYTHONPATH", "")
        os.environ["PYTHONPATH"] = str(helpers) + (os.pathsep + before if before else "")
    guard()
    return way


def guard() -> None:
    """Refuse, and write down, every look-up and connection of this process that leads away from loopback."""

    def watch(event: str, facts: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            # Addresses of other families (a path, a kernel interface) are not the network.
            address = facts[1]
            host = address[0] if isinstance(address, tuple) and isinstance(address[0], str | bytes) else ""
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            host = facts[0]
        else:
            return
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if not _is_loopback(name):
            _write_down({"event": "network", "address": str(name)})
            raise PermissionError(f"a lesson may not use the network, and this one asked for {name}")

    sys.addaudithook(watch)


def _is_loopback(host: Any) -> bool:
    if host is None or host in ("", "localhost", "::1", "0.0.0.0", "::", "ip6-localhost"):
        return True
    return isinstance(host, str) and (host.startswith("127.") or host.casefold() == socket.gethostname().casefold())


def _write_down(record: dict[str, Any]) -> None:
    path = os.environ.get(LOG_VARIABLE)
    if path:
        with open(path, "a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")


def _own_namespace() -> bool:
    """Move this process into a network namespace of its own, if that can be done whole; else leave it where it is."""
    if not sys.platform.startswith("linux"):
        return False
    # Some systems allow the namespace and then refuse to bring its loopback up, and there is no way back: try it first
    # in a child that is thrown away.
    trial = os.fork()
    if trial == 0:
        code = 1
        try:
            code = 0 if _enter_namespace() else 1
        finally:
            os._exit(code)  # never back into the caller's code, whatever happened
    _, status = os.waitpid(trial, 0)
    return status == 0 and _enter_namespace()


def _enter_namespace() -> bool:
    user, group = os.getuid(), os.getgid()
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
            return False
        # The same user inside as outside, so that files keep their owner.
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
        import fcntl

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            request = struct.pack("16sh14x", b"lo", _IFF_UP | _IFF_RUNNING)
            fcntl.ioctl(control.fileno(), _SIOCSIFFLAGS, request)
    except (OSError, AttributeError, ImportError):
        return False
    return True


def cpu_seconds() -> float:
    """Return the CPU time of this process and of all its children, ended or alive, in seconds."""
    import psutil

    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + getattr(times, "children_user", 0) + getattr(times, "children_system", 0)
    return total


def peak_memory() -> int:
    """Return the largest resident memory that this process has had, in bytes; children are not counted.

    On Linux not `ru_maxrss`: a process inherits that of the one that started it, so a small page looks as large as the
    program that runs it.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
