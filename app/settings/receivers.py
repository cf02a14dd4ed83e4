"""Where webhooks may go: to addresses of the public network, unless the operator says that theirs are private."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

NAT64 = IPv6Network("64:ff9b::/96")  # an IPv4 address is in its last four bytes


def is_public(address: str) -> bool:
    """Whether an address is one that anybody's server may have."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        found = inner or found
    return found.is_global and not found.is_multicast and not found.is_reserved


def why_not(url: str, *, may_be_private: bool) -> str | None:
    """What is wrong with a receiver's URL, if anything is; without asking where its name leads."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.fragment:
        return "must have no user, password or fragment: a signature says who sends"
    if may_be_private:
        return None
    if parts.scheme != "https":
        return "must begin with https://"
    host = (parts.hostname or "").rstrip(".")
    if not host.isascii():  # the client would make another name of it, or an address
        return "must be in ASCII; a name in other letters is written as in xn--bcher-kva"
    if _is_literal(host) and not is_public(host):
        return "is an address of a private network"
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return "is a name of a private network"
    return None


def _is_literal(host: str) -> bool:
    """Whether a host is an address, in any of the spellings that a system's resolver takes, or looks like one.

    To what looks like one aiohttp connects without asking the resolver that refuses private addresses.
    """
    try:
        socket.inet_aton(host)
    except OSError:
        return ":" in host or host.replace(".", "").isdigit()
    return True
