"""Where the names of webhooks' receivers lead: never to a private network, unless the operator allows it."""

import asyncio
import socket

import pytest

from greenroom.app.events.addresses import Checked, ForbiddenAddress

pytestmark = pytest.mark.anyio

PUBLIC, PUBLIC_TOO = "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"
PRIVATE = ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.7"]


@pytest.fixture
def leads_to(monkeypatch):
    """Make every name lead to these addresses."""

    def leads(*addresses):
        async def getaddrinfo(loop, host, port, **_):
            return [
                (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
                for one in addresses
            ]

        monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)

    return leads


async def resolved(*, may_be_private=False):
    return [
        found["host"] for found in await Checked(may_be_private=may_be_private).resolve("a.example.com", 443)
    ]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_to_a_private_network_is_refused(leads_to, address):
    leads_to(address)

    with pytest.raises(ForbiddenAddress, match=r"a\.example\.com"):
        await resolved()


@pytest.mark.parametrize("private", PRIVATE)
async def test_one_private_address_among_public_ones_is_enough_to_refuse_a_name(leads_to, private):
    leads_to(PUBLIC, private, PUBLIC_TOO)

    with pytest.raises(ForbiddenAddress):
        await resolved()


async def test_a_public_name_leads_to_all_of_its_addresses(leads_to):
    leads_to(PUBLIC, PUBLIC_TOO)

    assert await resolved() == [PUBLIC, PUBLIC_TOO]


async def test_an_operator_may_allow_receivers_inside(leads_to):
    leads_to("10.0.0.7")

    assert await resolved(may_be_private=True) == ["10.0.0.7"]
