"""Which hosts are near and which are allowed, by their names and addresses alone.

Near is what no provider sells: this machine and its networks. The services that give a cloud's machines
their credentials have link-local addresses and are not near.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_network

from onetake.messages import glob

Address = IPv4Address | IPv6Address

_METADATA = frozenset(
    {
        *("metadata", "metadata.google.internal", "metadata.goog", "instance-data"),
        "instance-data.ec2.internal",
        *("169.254.169.254", "169.254.170.2", "169.254.170.23"),  # EC2 and others, ECS, EKS
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
    }
)
_LOOPBACK = ("localhost", "localhost.localdomain", "localhost6.localdomain6")
_NETWORKS = tuple(
    ip_network(text)
    for text in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("0.0.0.0/32", "255.255.255.255/32", "224.0.0.0/4"),  # this host, broadcast, multicast
        *("::1/128", "fc00::/7", "fe80::/10", "::/128", "ff00::/8"),
    )
)


def read_host(value: object) -> str:
    """The name or address as it is compared: lower case, no brackets, zone or last dot, IDNA as ASCII.

    "" is what names no host (None, the wildcard), and so this machine.
    """
    if isinstance(value, bytes | bytearray):
        value = value.decode("ascii", "replace")
    if not isinstance(value, str):
        return ""
    text = value.strip().rpartition("@")[2].strip("[]").partition("%")[0].lower()
    if not text.isprintable():  # it is going to be printed
        text = "".join(one if one.isprintable() else "?" for one in text)
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:  # no name that any resolver knows
            return text
    return text.removesuffix(".")


def address_of(host: str) -> Address | None:
    """The address that `host` (of `read_host`) is written as, also in the odd forms of inet_aton(3)."""
    try:
        if ":" not in host:
            return _ipv4(host)
        address = IPv6Address(host)
    except ValueError:
        return None
    return address.ipv4_mapped or address


def _ipv4(host: str) -> IPv4Address | None:
    """`127.1`, `0x7f.0.0.1`, `017700000001` and `2130706433` are 127.0.0.1. Raises `ValueError`."""
    parts = host.split(".")
    if len(parts) > 4 or not all(part[:1].isdigit() for part in parts):
        return None
    *high, last = (_number(part) for part in parts)
    if any(one > 255 for one in high) or last >= 256 ** (4 - len(high)):
        return None
    value = sum(one << (24 - 8 * at) for at, one in enumerate(high))
    return IPv4Address(value + last)


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text, 16)
    return int(text, 8 if text.startswith("0") and text != "0" else 10)


def is_near_address(address: Address) -> bool:
    """Loopback, private (RFC 1918, RFC 4193), link-local, multicast; no service of credentials."""
    if str(address) in _METADATA:
        return False
    return any(address in network for network in _NETWORKS)


def leads_near(addresses: Iterable[str], *, is_own: bool = False) -> bool:
    """Whether a name with these `addresses` is local: all of them are near, and none is loopback.

    To loopback a hosts file or a fake resolver sends the names of providers. The machine's own name with its
    domain (`is_own`) may lead there, as Debian's hosts file says.
    """
    found = [address_of(read_host(one)) for one in addresses]
    return bool(found) and all(
        one is not None and is_near_address(one) and (is_own or not _is_loopback(one))
        for one in found
    )


def _is_loopback(address: Address) -> bool:
    return address.is_loopback or address.is_unspecified


def is_near(host: str, own_name: str = "") -> bool | None:
    """Whether `host` (of `read_host`) is local; None for a name of which only a look-up can tell.

    `own_name` is this machine's.
    """
    if host in _METADATA:
        return False
    if not host or host in _LOOPBACK or host.endswith(".localhost") or host == own_name:
        return True
    address = address_of(host)
    if address is not None:
        return is_near_address(address)
    return None if "." in host else True


def is_allowed(host: str, allow_hosts: Iterable[str]) -> bool:
    """Whether a glob of `allow_hosts` fits `host`, with its port or without."""
    names = {host.lower(), read_host(_without_port(host))}
    return any(
        glob(form).fullmatch(name)
        for one in allow_hosts
        for form in {one.lower(), read_host(one)}
        for name in names
    )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host
