"""Sound that nobody is to hear, dropped by the kernel before it wakes anybody.

A client goes on sending fifty packets a second to a bot that is paused, and each costs more than all that the bot does.
"""

import ctypes
import socket
import struct
from collections.abc import Sequence

OF_WHICH_ONE_IS_TAKEN = 512  # packets of sound during a pause, ten seconds of it; a power of two
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27  # Linux
UDP_HEADER = 8  # bytes, which the filter sees before the datagram
RANDOM = 0xFFFFF000 + 56  # where Linux has a random number for filters: SKF_AD_OFF + SKF_AD_RANDOM

# Of a classic BPF program: see linux/filter.h
LENGTH, BYTE, WORD = 0x80, 0x30, 0x20  # load the packet's length, a byte of it, a word of it
AND, AT_LEAST, GREATER, EQUAL = 0x54, 0x35, 0x25, 0x15
RETURN = 0x06
DROP, TAKE = 0, 0xFFFFFFFF  # of the packet's bytes

# An operation, how many lines to go on after it if it is true and if not, and its operand.  As `is_sound` has it
PROGRAM = (
    (LENGTH, 0, 0, 0),
    (AT_LEAST, 0, 11, UDP_HEADER + 2),  # else: take it
    (BYTE, 0, 0, UDP_HEADER),
    (AT_LEAST, 0, 9, 128),
    (AT_LEAST, 8, 0, 192),
    (BYTE, 0, 0, UDP_HEADER + 1),
    (AND, 0, 0, 0x7F),
    (AT_LEAST, 0, 1, 64),
    (GREATER, 0, 4, 95),
    (WORD, 0, 0, RANDOM),
    (AND, 0, 0, OF_WHICH_ONE_IS_TAKEN - 1),
    (EQUAL, 1, 0, 0),
    (RETURN, 0, 0, DROP),
    (RETURN, 0, 0, TAKE),
)


def is_sound(data: bytes) -> bool:
    """Whether a datagram is RTP, and neither RTCP nor DTLS nor STUN."""
    return len(data) > 1 and 127 < data[0] < 192 and not 64 <= data[1] & 0x7F <= 95


def drop_sound(files: Sequence[int | None]) -> bool:
    """Have sound that comes to these sockets dropped but for one packet of many; whether it is, at all of them."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in PROGRAM))
    program = struct.pack("@HP", len(PROGRAM), ctypes.addressof(code))
    return bool(files) and all(_set(file, SO_ATTACH_FILTER, program) for file in files)


def let_all_through(files: Sequence[int | None]) -> None:
    """Safe to repeat, and where nothing was dropped."""
    for file in files:
        _set(file, SO_DETACH_FILTER, struct.pack("i", 0))


def _set(file: int | None, option: int, value: bytes) -> bool:
    if file is None:
        return False
    try:
        with socket.socket(fileno=socket.dup(file)) as same:
            same.setsockopt(socket.SOL_SOCKET, option, value)
    except OSError:  # not Linux, or without such filters
        return False
    return True
