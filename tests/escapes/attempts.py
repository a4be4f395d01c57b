"""What a RUN may try: a table of attempts, and the script that makes them all.

An attempt is a shell command that succeeds if something was reached. None changes
anything: a file that may not be written is opened for that, and nothing is written.
`$T` is where an attempt's programs are.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from escapes.host import USER_KEYRING, USER_SESSION, Host
from escapes.program import BUFFER, Result, program
from harness.tar.write import FileKind

READ, WRITE, OPEN, SHMGET, SOCKET, CONNECT, EXECVE = 0, 1, 2, 29, 41, 42, 59
DUP2, CHDIR, FCHDIR, MKDIR, SYSLOG, ADJTIMEX, CHROOT = 33, 80, 81, 83, 103, 159, 161
MOUNT, REBOOT, INIT_MODULE, KEXEC_LOAD, KEYCTL = 165, 169, 175, 246, 250
UNSHARE, OPEN_BY_HANDLE, BPF = 272, 304, 321
_DIRECTORY, _APPEND = 0o200000, 0o2001
_NEWNS, _NEWUSER = 0x20000, 0x10000000
_REMOUNT_BIND = 0x1020

#: The kernel's own files that give a writer the machine, or change it for all.
_KERNEL_FILES = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/panic",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/fs/file-max",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity",
    "/proc/acpi/wakeup",
    "/proc/mtrr",
    "/sys/kernel/uevent_helper",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/mm/ksm/run",
    "/sys/kernel/profiling",
    "/sys/power/state",
    "/sys/kernel/debug/sched/features",
    "/sys/kernel/security/lockdown",
    "/sys/module/kernel/parameters/panic",
    "/sys/firmware/acpi/pm_profile",
)
_DEVICES = "null|zero|full|random|urandom|tty|console|ptmx|pts/ptmx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A shell command that succeeds if it reached what it should not.

    `programs` are executables by the names that the command calls them by.
    """

    name: str
    shell: str
    programs: Mapping[str, bytes] = field(default_factory=dict)


def attempts(host: Host) -> tuple[Attempt, ...]:
    """List all that a RUN tries."""
    return (
        *_files(host),
        *_devices(host),
        *_talks(host),
        *_kernel_files(),
        *_builders_files(),
        *_mounts(),
        *_calls(host),
    )


def script(tried: tuple[Attempt, ...]) -> str:
    """Write the script that makes the attempts and prints a line for each."""
    lines = [
        "try() {",
        '    if (eval "$2") </dev/null >/dev/null 2>&1; then word=reached',
        "    else word=held; fi",
        '    echo "escape $1: $word"',
        "}",
        # succeeds if the kernel would do it, with other arguments; some filters of
        # system calls give 0 for what they refuse (runc's and buildah's of 2020)
        'allowed() { "$@"; case $? in 0|1|38) return 1;; esac; }',
        *(f"try {each.name} {_quoted(each.shell)}" for each in tried),
    ]
    return "\n".join([*lines, "echo attempts were made", ""])


def leave(script: str) -> bytes:
    """Give the program that leaves all chroots and runs `script` of `$T` there.

    `$T` is handed on as a descriptor: it has no path where the program ends up.
    """
    inner = f"T=/proc/self/fd/9; export T; . $T/{script}".encode()
    return program(
        (OPEN, b".", _DIRECTORY, 0),
        (DUP2, Result(-1), 9),
        (MKDIR, b"/below", 0o755),
        (OPEN, b"/", _DIRECTORY, 0),
        (CHROOT, b"/below"),
        (FCHDIR, Result(-2)),
        *[(CHDIR, b"..")] * 64,
        (CHROOT, b"."),
        (EXECVE, b"/bin/busybox", (b"sh", b"-c", inner), (b"PATH=/bin:/sbin",)),
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _files(host: Host) -> Iterator[Attempt]:
    has = f"grep -q {host.token}"
    yield Attempt(name="host-file", shell=f"{has} {host.secret}")
    yield Attempt(name="cache-folder", shell=f"{has} {host.cached}")
    yield Attempt(name="host-shm", shell=f"{has} {host.shared}")
    for each in ("root", "cwd"):
        yield Attempt(
            name=f"file-by-{each}-of-a-process",
            shell=f"{has} /proc/[0-9]*/{each}{host.secret}",
        )
    # of an ext4 root directory that is no more; whoever may use handles is told so
    handle = struct.pack("<IiII", 8, 1, 2, 12345)
    yield Attempt(
        name="file-by-handle",
        shell="allowed $T/by-handle",
        programs={
            "by-handle": program(
                (OPEN, b"/", 0, 0), (OPEN_BY_HANDLE, Result(-1), handle, 0)
            )
        },
    )


def _devices(host: Host) -> Iterator[Attempt]:
    yield Attempt(
        name="devices-of-the-host",
        shell="find /dev -type b -o -type c ! -path '/dev/pts/[0-9]*' "
        f"| sed s,^/dev/,, | grep -vxE '{_DEVICES}'",
    )
    yield Attempt(name="terminals", shell="ls /dev/pts | grep '^[0-9]'")
    for name, kind, major, minor in nodes(host):
        letter = kind[0]
        yield Attempt(
            name=f"mknod-{name}",
            shell=f"cd /tmp && rm -f {name} && mknod {name} {letter} {major} {minor} "
            f"&& : <{name}",
        )
        yield Attempt(
            name=f"sent-{name}",
            shell=f"[ -{letter} $T/sent/{name} ] && : <$T/sent/{name}",
        )


def nodes(host: Host) -> tuple[tuple[str, FileKind, int, int], ...]:
    """Name devices that a builder may make as files, and nobody may open."""
    return (
        ("disk", "block", *host.disk),
        ("mem", "char", 1, 1),
        ("kmsg", "char", 1, 11),
        ("fuse", "char", 10, 229),
        ("loop-control", "char", 10, 237),
        ("kvm", "char", 10, 232),
    )


def talks(host: Host) -> Iterator[tuple[str, bytes]]:
    """Name programs, each of which connects to something on this machine."""
    for name, path in (
        ("socket", os.fsencode(host.socket)),
        ("abstract-socket", host.abstract),
    ):
        yield name, _connect(1, struct.pack("<H", 1) + path)
    for name, address in (
        ("tcp-loopback", "127.0.0.1"),
        ("tcp-bridge", "172.17.0.1"),
        ("tcp-host", host.address),
    ):
        place = struct.pack("<H", 2) + struct.pack(">H", host.port)
        yield name, _connect(2, place + socket.inet_aton(address) + bytes(8))


def _connect(family: int, address: bytes) -> bytes:
    return program((SOCKET, family, 1, 0), (CONNECT, Result(-1), address, len(address)))


def _talks(host: Host) -> Iterator[Attempt]:
    for name, code in talks(host):
        yield Attempt(name=name, shell=f"timeout 3 $T/{name}", programs={name: code})
    yield Attempt(
        name="engine-sockets",
        shell="find /run /var/run/ /tmp /dev -type s | grep .",
    )


def _kernel_files() -> Iterator[Attempt]:
    for each in _KERNEL_FILES:
        name = each.strip("/").replace("/", "-").replace("_", "-")
        yield Attempt(name=f"write-{name}", shell=f": >>{each}")
    yield Attempt(name="read-kcore", shell="head -c 4 /proc/kcore | grep -q ELF")
    yield Attempt(
        name="cgroup-release-agent",
        shell="for each in /sys/fs/cgroup/release_agent /sys/fs/cgroup/*/release_agent;"
        " do [ -e $each ] && (: >>$each) && exit 0; done; exit 1",
    )
    yield Attempt(
        name="cgroup-join",
        shell="for each in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs;"
        " do [ -e $each ] && (: >>$each) && exit 0; done; exit 1",
    )


def _builders_files() -> Iterator[Attempt]:
    """Write what a builder loads or obeys, where a RUN has left its chroot."""
    for name, path in (
        ("preload", "/etc/ld.so.preload"),
        ("libraries", "/lib/x86_64-linux-gnu/libc.so.6"),
        ("program", "/usr/bin/buildah"),
        ("storage", "/etc/containers/storage.conf"),
        ("registries", "/run/harness/config/registries.conf"),
        ("home", "/root/.profile"),
        ("networks", "/etc/containers/networks/../storage.conf"),
    ):
        yield Attempt(
            name=f"builders-{name}", shell=f"[ -d /run/harness ] && : >>{path}"
        )


def _mounts() -> Iterator[Attempt]:
    at = "mkdir -p /tmp/at && mount"
    yield Attempt(name="mount-tmpfs", shell=f"{at} -t tmpfs tmpfs /tmp/at")
    yield Attempt(name="mount-proc", shell=f"{at} -t proc proc /tmp/at")
    yield Attempt(name="mount-sysfs", shell=f"{at} -t sysfs sysfs /tmp/at")
    yield Attempt(name="mount-cgroup", shell=f"{at} -t cgroup -o pids cgroup /tmp/at")
    yield Attempt(name="mount-cgroup2", shell=f"{at} -t cgroup2 cgroup2 /tmp/at")
    yield Attempt(name="mount-debugfs", shell=f"{at} -t debugfs debugfs /tmp/at")
    yield Attempt(name="mount-bind", shell=f"{at} -o bind / /tmp/at")
    yield Attempt(
        name="mount-disk",
        shell=f"{at} -t ext4 -o ro /tmp/disk /tmp/at",
    )
    for each in ("/proc/sys", "/proc", "/sys", "/dev"):
        name = each.strip("/").replace("/", "-")
        yield Attempt(name=f"remount-{name}", shell=f"mount -o remount,bind,rw {each}")
        yield Attempt(name=f"unmount-{name}", shell=f"umount -l {each}")
    yield Attempt(
        name="user-namespace",
        shell="$T/user-namespace",
        programs={
            "user-namespace": program(
                (UNSHARE, _NEWUSER | _NEWNS),
                (MOUNT, b"none", b"/proc/sys", 0, _REMOUNT_BIND, 0),
                (OPEN, b"/proc/sys/kernel/core_pattern", _APPEND, 0),
            )
        },
    )


def _calls(host: Host) -> Iterator[Attempt]:
    name = host.token.encode()
    for keyring in (USER_KEYRING, USER_SESSION):
        program_name = f"key-{-keyring}"
        yield Attempt(
            name={USER_KEYRING: "user-keyring", USER_SESSION: "session-keyring"}[
                keyring
            ],
            shell=f"$T/{program_name}",
            programs={program_name: program((KEYCTL, 10, keyring, b"user", name, 0))},
        )
    yield Attempt(
        name="sysv-memory",
        shell="$T/sysv",
        programs={"sysv": program((SHMGET, host.segment, 0, 0))},
    )
    for what, call in (
        ("load-module", (INIT_MODULE, 0, 0, b"")),
        ("load-kernel", (KEXEC_LOAD, 0, 99, 0, 0)),
        ("reboot", (REBOOT, 0, 0, 0, 0)),
        # a tick of no length, which whoever may set the clock is told of
        ("set-clock", (ADJTIMEX, struct.pack("<I", 0x4000) + bytes(204))),
        ("bpf", (BPF, 0, BUFFER, 72)),
        ("kernel-log", (SYSLOG, 3, 0, -1)),
    ):
        yield Attempt(
            name=what, shell=f"allowed $T/{what}", programs={what: program(call)}
        )
    yield Attempt(name="host-processes", shell="grep -q pytest /proc/[0-9]*/cmdline")
    yield Attempt(name="enter-namespaces", shell="nsenter -t 1 -m -p true")
    yield Attempt(
        name="builders-memory",
        shell="own=$(grep ^CapPrm /proc/self/status); for each in /proc/[0-9]*; do "
        'if [ "$(grep ^CapPrm $each/status)" != "$own" ] && readlink $each/exe; '
        "then exit 0; fi; done; exit 1",
    )
