"""espeak-ng through its C functions: text in, samples out, one text at a time.

The library keeps its voice, its rate and all else in globals, so one lock serves the whole process.
"""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import espeakng_loader

SAMPLE_RATE = 22_050
SYNCHRONOUS = 2  # espeak_Synth() returns when all is said, having called back on the caller's thread
PIECE_MS = 60  # of sound a callback
RATE, PITCH, RANGE = 1, 3, 4  # espeak_PARAMETER
UTF8 = 1  # espeakCHARS_UTF8
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)

_lock = threading.Lock()


@dataclass(frozen=True)
class Voice:
    """A voice with its variant ("en-us+f2"); words a minute; pitch and its range, 0 to 99."""

    name: str
    rate: int
    pitch: int
    range: int


def say(text: str, voice: Voice, on_piece: Callable[[bytes], bool]) -> None:
    """Speaks to `on_piece`, 16-bit mono at `SAMPLE_RATE`; stops as soon as that returns False.

    Blocks, without the GIL: call it from a thread.
    """

    def on_samples(samples: int | None, count: int, _: object) -> int:
        if not samples:  # all is said
            return 0
        return 0 if on_piece(ctypes.string_at(samples, count * 2)) else 1

    callback = CALLBACK(on_samples)
    spoken = text.replace("\0", "").encode() + b"\0"
    with _lock:
        library = _library()
        library.espeak_SetVoiceByName(voice.name.encode())
        for parameter, value in ((RATE, voice.rate), (PITCH, voice.pitch), (RANGE, voice.range)):
            library.espeak_SetParameter(parameter, value, 0)
        library.espeak_SetSynthCallback(callback)
        library.espeak_Synth(spoken, len(spoken), 0, 0, 0, UTF8, None, None)


def warm() -> None:
    """Starts the library, 30 ms; after a fork, never before it."""
    with _lock:
        _library()


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_SetSynthCallback.argtypes = [CALLBACK]
    library.espeak_SetSynthCallback.restype = None
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,  # text
        ctypes.c_size_t,  # its size
        ctypes.c_uint,  # position
        ctypes.c_int,  # the position's unit
        ctypes.c_uint,  # end position
        ctypes.c_uint,  # flags
        ctypes.c_void_p,  # identifier
        ctypes.c_void_p,  # user data
    ]
    rate = library.espeak_Initialize(SYNCHRONOUS, PIECE_MS, espeakng_loader.get_data_path().encode(), 0)
    if rate != SAMPLE_RATE:
        raise RuntimeError(f"espeak-ng did not start: {rate}")
    return library
