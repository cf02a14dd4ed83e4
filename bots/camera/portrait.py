"""Pictures of a bot for its camera: a disc that opens with its voice, its name, and that it is an AI."""

import colorsys
import unicodedata
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 640, 360
STAGES = 12  # from silent to loud; 0.7 MB each
STRIP = 40  # rows drawn at once, which bounds the memory: what a thread once used stays with the process
LONGEST_NAME = 24  # letters that are drawn

HUES = (0.61, 0.71, 0.49, 0.93, 0.02)  # blue, violet, teal, rose, coral: by the name
CENTRE = (WIDTH / 2, 144)
DISC = 54  # its radius when silent
OPENS = 15  # how much wider it is when loud
NAME_AT, NAME_SIZE = 302, 30
MARK, MARK_SIZE = "AI", 15

Plane = NDArray[np.floating[Any]]


def portraits(name: str) -> tuple[bytes, ...]:
    """Of a bot of that name, as RGB: silent first, then ever louder.  Takes a quarter of a second."""
    hue = HUES[zlib.crc32(name.encode()) % len(HUES)]
    ground = _ground(hue)
    _write(ground, name)
    return tuple(_speaking(ground, hue, stage / (STAGES - 1)) for stage in range(STAGES))


def _colour(hue: float, saturation: float, value: float) -> Plane:
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), dtype=np.float32) * 255


def _places(rows: slice = slice(0, HEIGHT)) -> tuple[Plane, Plane]:
    y, x = np.mgrid[rows, 0:WIDTH].astype(np.float32)
    return x, y


def _ground(hue: float) -> Plane:
    x, y = _places()
    down = (y / HEIGHT * 0.8 + x / WIDTH * 0.2)[..., None]
    ground = _colour(hue, 0.42, 0.22) * (1 - down) + _colour(hue + 0.06, 0.55, 0.08) * down
    grain = np.random.default_rng(0).uniform(
        -0.5, 0.5, (HEIGHT, WIDTH, 1)
    )  # without it the gradient shows bands
    return np.asarray(ground + grain, dtype=np.float32)


def _speaking(ground: Plane, hue: float, loudness: float) -> bytes:
    strips = (slice(top, top + STRIP) for top in range(0, HEIGHT, STRIP))
    return b"".join(_strip(ground[rows], rows, hue, loudness) for rows in strips)


def _strip(ground: Plane, rows: slice, hue: float, loudness: float) -> bytes:
    x, y = _places(rows)
    away = np.hypot(x - CENTRE[0], y - CENTRE[1])
    picture = ground.copy()
    radius = DISC + OPENS * loudness
    light, pale = _colour(hue, 0.45, 0.95), _colour(hue + 0.03, 0.22, 1.0)
    glow = np.exp(-np.maximum(away - radius, 0) / (26 + 22 * loudness))
    _lay(picture, light, (0.16 + 0.3 * loudness) * glow)
    for number, (gap, strength) in enumerate(((14, 0.34), (28, 0.2), (42, 0.1)), start=1):
        ring = radius + gap + 7 * number * loudness
        _lay(picture, pale, (strength * (0.35 + 0.65 * loudness)) * _inside(np.abs(away - ring), 0.9))
    shade = np.clip(((y - CENTRE[1]) * 0.4 + (x - CENTRE[0]) * 0.15) / radius + 0.5, 0, 1)[..., None]
    _lay(picture, pale * (1 - shade) + _colour(hue + 0.08, 0.62, 0.72) * shade, _inside(away, radius))
    return bytes(picture.clip(0, 255).round().astype(np.uint8))


def _inside(away: Plane, radius: float) -> Plane:
    """1 within, 0 beyond, and soft on the edge."""
    return np.asarray(np.clip(radius + 0.5 - away, 0, 1))


def _lay(picture: Plane, colour: Plane, how_much: Plane) -> None:
    picture += (colour - picture) * how_much[..., None]


def _write(ground: Plane, name: str) -> None:
    """The name, and beside it a small mark in a frame."""
    shown = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()  # what the font can write
    if len(shown) > LONGEST_NAME:
        shown = shown[: LONGEST_NAME - 3].rstrip() + "..."
    font, small = ImageFont.load_default(NAME_SIZE), ImageFont.load_default(MARK_SIZE)
    page = Image.new("L", (WIDTH, HEIGHT))
    pen = ImageDraw.Draw(page)
    mark_wide = pen.textlength(MARK, small) + 16
    left = (WIDTH - pen.textlength(shown, font) - 14 - mark_wide) / 2
    pen.text((left, NAME_AT), shown, fill=240, font=font, anchor="lm")
    right = WIDTH - left
    box = (right - mark_wide, NAME_AT - 12, right, NAME_AT + 12)
    pen.rounded_rectangle(box, radius=7, outline=120, width=1)
    pen.text((right - mark_wide / 2, NAME_AT), MARK, fill=190, font=small, anchor="mm")
    _lay(ground, np.full(3, 255, dtype=np.float32), np.asarray(page, dtype=np.float32) / 255)
