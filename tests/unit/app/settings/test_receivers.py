"""Which addresses and URLs webhooks may go to."""

import pytest

from greenroom.app.settings import SettingsError, load
from greenroom.app.settings.receivers import is_public, why_not

SECRET = "5b0e2a71d94fc83d6a17e0b2c4f985d3"


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_an_address_of_the_public_network_is_one(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd12::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "nothing",
    ],
)
def test_others_are_not(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.0.0.1./",
        "https://127.1./",
        "https://１２７.0.0.1/",  # which a client reads as 127.0.0.1, as it does the next two
        "https://127。0。0。1/",
        "https://①27.0.0.1/",
        "https://1.2.3.4.5/",  # which is connected to without being looked at
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
        "https://localhost./",
        "https://ｌocalhost/",
        "https://metadata.google.internal/",
        "https://me:pw@hooks.example.com/",
        "https://hooks.example.com/#x",
    ],
)
def test_a_url_that_leads_inside_or_says_a_password_is_refused(url):
    assert why_not(url, may_be_private=False)


def test_a_private_one_may_be_allowed_and_a_public_one_always_is():
    assert why_not("https://hooks.example.com/greenroom?x=1", may_be_private=False) is None
    assert why_not("http://10.0.0.7:8000/hook", may_be_private=True) is None
    assert why_not("https://me:pw@hooks.example.com/", may_be_private=True)


def test_the_settings_refuse_what_leads_inside(tmp_path):
    given = {"VAR_DIR": str(tmp_path), "WEBHOOK_SECRET": SECRET}
    urls = load({**given, "WEBHOOK_URLS": "https://a.example.com/x, https://b.example.com"}).webhook_urls
    assert urls == ("https://a.example.com/x", "https://b.example.com")
    with pytest.raises(SettingsError, match="WEBHOOK_PRIVATE=1"):
        load({**given, "WEBHOOK_URLS": "http://10.0.0.7/"})
    with pytest.raises(SettingsError, match="WEBHOOK_SECRET"):
        load({"VAR_DIR": str(tmp_path), "WEBHOOK_URLS": "https://a.example.com/"})
    assert load({**given, "WEBHOOK_URLS": "http://10.0.0.7/", "WEBHOOK_PRIVATE": "1"}).webhook_urls


@pytest.mark.parametrize("secret", ["whsec_", "whsec_abc", "whsec_!!!", "short"])
def test_a_secret_that_is_none_is_refused(tmp_path, secret):
    given = {"VAR_DIR": str(tmp_path), "WEBHOOK_URLS": "https://a.example.com/"}
    with pytest.raises(SettingsError, match="WEBHOOK_SECRET"):
        load({**given, "WEBHOOK_SECRET": secret})
    assert load({**given, "WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}).webhook_secret
