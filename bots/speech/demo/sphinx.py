"""pocketsphinx through its C functions, because its Python class holds the GIL while it decodes.

A whole sentence's end costs up to 100 ms there, and the event loop would stand still for it.  ctypes lets
go of the GIL.  The functions are those of the extension module itself, which exports the C library.
"""

import ctypes
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pocketsphinx

MODEL = Path(pocketsphinx.get_model_path("en-us"))
SAMPLE_RATE = 16_000


class Heard(NamedTuple):
    """One word, and how well it fits the sound: 0 is the best fit, each frame's misfit adds to it."""

    word: str
    frames: int
    misfit: float


class Sphinx:
    """One decoder.  Not safe for two threads at once: whoever makes it sees to that."""

    def __init__(self, *, dictionary: Path, language_model: Path, **settings: object) -> None:
        wanted = {
            "hmm": str(MODEL / "en-us"),
            "dict": str(dictionary),
            "lm": str(language_model),
            "samprate": SAMPLE_RATE,
            "loglevel": "FATAL",
            **settings,
        }
        config = C.ps_config_parse_json(None, json.dumps(wanted).encode())
        if not config:
            raise RuntimeError("pocketsphinx refused its settings")
        self._decoder = C.ps_init(config)
        C.ps_config_free(config)
        if not self._decoder:
            raise RuntimeError("pocketsphinx did not start")
        self._cmn = C.ps_get_cmn(self._decoder, 0)

    def forget_the_speaker(self) -> None:
        """Sets the average spectrum, which follows whoever speaks, back to the model's own."""
        C.ps_set_cmn(self._decoder, self._cmn)

    def start(self) -> None:
        C.ps_start_utt(self._decoder)

    def feed(self, pcm: bytes) -> None:
        C.ps_process_raw(self._decoder, pcm, len(pcm) // 2, 0, 0)

    def finish(self) -> list[Heard]:
        C.ps_end_utt(self._decoder)
        return list(self._words())

    def _words(self) -> Iterator[Heard]:
        segment = C.ps_seg_iter(self._decoder)
        first, last, misfit = ctypes.c_int(), ctypes.c_int(), ctypes.c_int32()
        while segment:
            C.ps_seg_frames(segment, ctypes.byref(first), ctypes.byref(last))
            C.ps_seg_prob(segment, ctypes.byref(misfit), None, None)
            word = C.ps_seg_word(segment).decode()
            yield Heard(word, last.value - first.value + 1, -misfit.value)
            segment = C.ps_seg_next(segment)


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(pocketsphinx._pocketsphinx.__file__)
    pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    for name, returns, *takes in (
        ("ps_config_parse_json", pointer, pointer, text),
        ("ps_config_free", number, pointer),
        ("ps_init", pointer, pointer),
        ("ps_get_cmn", text, pointer, number),
        ("ps_set_cmn", number, pointer, text),
        ("ps_start_utt", number, pointer),
        ("ps_process_raw", number, pointer, text, ctypes.c_size_t, number, number),
        ("ps_end_utt", number, pointer),
        ("ps_seg_iter", pointer, pointer),
        ("ps_seg_next", pointer, pointer),
        ("ps_seg_word", text, pointer),
        ("ps_seg_frames", None, pointer, pointer, pointer),
        ("ps_seg_prob", ctypes.c_int32, pointer, pointer, pointer, pointer),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = returns, takes
    return library


C = _library()
