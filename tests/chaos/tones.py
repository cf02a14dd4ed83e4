"""Which process hums: a tone for each process number, told from 40 ms of what a person hears."""

from typing import Any

import numpy as np

Sound = np.ndarray[Any, np.dtype[np.int16]]

TONES = 64
APART = 23  # voices; odd, so that all of them are used
LOWEST, STEP = 400, 40  # Hz
WINDOW = 1920  # samples at 48 kHz


def voice(pid: int) -> int:
    """Processes whose numbers are close have voices that are far apart: a tone that is misheard is a near one."""
    return pid * APART % TONES


def frequency(pid: int) -> int:
    return LOWEST + STEP * voice(pid)


def is_silent(samples: Sound) -> bool:
    return bool(np.abs(samples).max() < 1000)


def clear_voice(samples: Sound) -> int | None:
    """The voice in a window of sound; None if it is not clear, as where a lost packet was patched over."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 9600)) ** 2
    peak = int(np.argmax(spectrum))
    number = (peak * 48_000 / 9600 - LOWEST) / STEP
    is_pure = spectrum[max(0, peak - 12) : peak + 13].sum() > 0.95 * spectrum.sum()
    is_close = abs(number - round(number)) * STEP <= 6
    return round(number) if is_pure and is_close and 0 <= round(number) < TONES else None
