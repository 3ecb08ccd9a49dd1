"""The `pause` program: a static x86-64 executable of a few hundred bytes, assembled here.

It holds a sandbox's namespaces open. It sleeps, ends with status 0 on SIGTERM and SIGINT, and as pid 1
of a pod with a shared pid namespace it never leaves zombies: SIGCHLD is ignored with SA_NOCLDWAIT.
"""

from __future__ import annotations

import struct

BASE = 0x400000
#: ELF header and one program header precede the code.
HEADERS_BYTES = 64 + 56

SIGINT, SIGTERM, SIGCHLD = 2, 15, 17
SIG_IGN = 1
SA_NOCLDWAIT, SA_RESTORER = 0x2, 0x0400_0000
SYS_RT_SIGACTION, SYS_PAUSE, SYS_EXIT_GROUP = 13, 34, 231

SYSCALL = b"\x0f\x05"


def pause_program() -> bytes:
    """The bytes of the executable."""
    # The code's length does not depend on the addresses in it: assemble once to learn them.
    code, exit_at = _code(0, 0)
    exit_address = BASE + HEADERS_BYTES + exit_at
    actions_address = BASE + HEADERS_BYTES + len(code)
    code, _ = _code(actions_address, actions_address + 32)
    actions = _sigaction(exit_address, 0, exit_address) + _sigaction(SIG_IGN, SA_NOCLDWAIT, exit_address)
    return _headers(len(code) + len(actions)) + code + actions


def _code(exit_action: int, ignore_action: int) -> tuple[bytes, int]:
    """The instructions, and the offset of those that end the process."""
    setup = b"".join(
        _rt_sigaction(signal, action)
        for signal, action in ((SIGTERM, exit_action), (SIGINT, exit_action), (SIGCHLD, ignore_action))
    )
    pause = _mov_eax(SYS_PAUSE) + SYSCALL
    loop = pause + b"\xeb" + struct.pack("<b", -len(pause) - 2)  # jmp back to `pause`
    leave = _mov_eax(SYS_EXIT_GROUP) + b"\x31\xff" + SYSCALL  # xor edi, edi
    code = setup + loop + leave
    padding = b"\x90" * (-len(code) % 8)
    return code + padding, len(setup) + len(loop)


def _mov_eax(value: int) -> bytes:
    return b"\xb8" + struct.pack("<I", value)


def _rt_sigaction(signal: int, action_address: int) -> bytes:
    """rt_sigaction(signal, action, NULL, 8)."""
    return (
        _mov_eax(SYS_RT_SIGACTION)
        + b"\xbf" + struct.pack("<I", signal)  # mov edi, signal
        + b"\x48\xbe" + struct.pack("<Q", action_address)  # mov rsi, action
        + b"\x31\xd2"  # xor edx, edx
        + b"\x41\xba" + struct.pack("<I", 8)  # mov r10d, size of the mask
        + SYSCALL
    )  # fmt: skip


def _sigaction(handler: int, flags: int, restorer: int) -> bytes:
    """The kernel's struct sigaction with an empty mask."""
    return struct.pack("<QQQQ", handler, flags | SA_RESTORER, restorer, 0)


def _headers(body_bytes: int) -> bytes:
    size = HEADERS_BYTES + body_bytes
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    executable, x86_64 = 2, 62
    elf = ident + struct.pack(
        "<HHIQQQIHHHHHH", executable, x86_64, 1, BASE + HEADERS_BYTES, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    load, read_execute = 1, 5
    program = struct.pack("<IIQQQQQQ", load, read_execute, 0, BASE, BASE, size, size, 0x1000)
    return elf + program
