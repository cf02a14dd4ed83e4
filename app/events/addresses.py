"""Where a webhook's connection goes: to an address that was looked at, and to no other.

A URL is looked at when it is set.  Where its name leads is looked at for each connection, which then goes to the very
address that was looked at: a name that leads elsewhere a moment later (DNS rebinding) leads nowhere.
"""

import asyncio
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from greenroom.app.settings.receivers import is_public


class ForbiddenAddress(OSError):
    """The receiver's name leads to an address of a private network."""


class Checked(AbstractResolver):
    """Finds the addresses of a name, and refuses it if one of them is private."""

    def __init__(self, *, may_be_private: bool) -> None:
        self._may_be_private = may_be_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        addresses = [(one, str(address[0])) for one, _, _, _, address in found]
        if not self._may_be_private and not all(is_public(address) for _, address in addresses):
            raise ForbiddenAddress(f"{host} leads to a private network")
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=one, proto=0, flags=socket.AI_NUMERICHOST
            )
            for one, address in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""
