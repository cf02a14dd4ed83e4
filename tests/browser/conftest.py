"""A real, headless Chromium, and the pages in it.

Each file gets its own browser: Playwright keeps an event loop running in the
main thread while one is open, and other tests have loops of their own.
"""

import shutil
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from greenroom.app.console import bp
from greenroom.app.rooms.room import Room
from tests.browser.in_a_room import Venue
from tests.browser.pages import FakeServer, TalkPage, served
from tests.rigs.livekit_server import LiveKitServer, livekit_server

VOICE = Path(__file__).parent.parent / "voices" / "time.wav"
BEFORE_THE_VOICE = 12  # seconds of silence, in which the bot says its greeting
AFTER_THE_VOICE = 120  # seconds, longer than any test

FLAGS = [
    "--no-sandbox",  # containers, where tests run as root
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., Browser]]:
    """Starts browsers with flags of one's own.  Fails, never skips, where there is no Chromium."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.fail("Chromium is missing; run scripts/install-chromium", pytrace=False)
    with sync_playwright() as playwright:
        yield lambda *flags: playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])


@pytest.fixture(scope="module")
def chromium(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """A browser whose person has a microphone to allow, and has allowed nothing."""
    with launch("--use-fake-device-for-media-stream") as browser:
        yield browser


@pytest.fixture(scope="module")
def speaking_chromium(
    launch: Callable[..., Browser], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """A browser whose person asks what time it is, once, a while after the microphone is on."""
    recording = tmp_path_factory.mktemp("voice") / "microphone.wav"
    with wave.open(str(VOICE)) as voice, wave.open(str(recording), "wb") as microphone:
        microphone.setparams(voice.getparams())
        second = bytes(voice.getframerate() * voice.getsampwidth() * voice.getnchannels())
        microphone.writeframes(second * BEFORE_THE_VOICE)
        microphone.writeframes(voice.readframes(voice.getnframes()))
        microphone.writeframes(second * AFTER_THE_VOICE)
    with launch(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}%noloop",
    ) as browser:
        yield browser


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The pages alone, as the product serves them; there is nothing behind them."""
    app = Flask("pages", static_folder=None)
    app.register_blueprint(bp)
    with served(app) as url:
        yield url


@pytest.fixture(scope="module")
def livekit() -> Iterator[LiveKitServer]:
    with livekit_server() as server:
        yield server


@pytest.fixture(scope="module")
def venue(livekit: LiveKitServer) -> Iterator[Venue]:
    venue = Venue(livekit)
    yield venue
    venue.close()


@pytest.fixture
def room(livekit: LiveKitServer) -> Room:
    return Room.parse(livekit.room())


@pytest.fixture
def context(chromium: Browser, site: str) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=site)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def person(chromium: Browser) -> Iterator[BrowserContext]:
    """Somebody who has allowed nothing, and so has no microphone."""
    context = chromium.new_context()
    yield context
    context.close()


@pytest.fixture
def server(page: Page) -> FakeServer:
    return FakeServer(page)


@pytest.fixture
def talk(page: Page, server: FakeServer) -> TalkPage:
    return TalkPage(page)
