"""The guard: which URLs and addresses Offhook may send to, so that no endpoint reaches inside.

The URL and its name are checked when an endpoint is made, for a clear answer; what protects is the
check of the real address at every connect, after DNS.
"""

import asyncio
import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from offhook.model.errors import FieldError, Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""Gives the addresses of a name, or raises ``OSError`` where it has none."""

MAX_URL_LENGTH = 2048
_RESOLVE_TIMEOUT_S = 5.0
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252})", re.IGNORECASE)
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)

# Python's is_private and is_global leave out several of these, so each network is listed: IANA's
# special-purpose registries (RFC 6890 and its updates), and addresses that clouds answer on.
_FORBIDDEN: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "an address shared behind a carrier's NAT"),
        ("127.0.0.0/8", "a loopback address"),
        ("168.63.129.16/32", "a cloud's internal service"),
        ("169.254.0.0/16", "a link-local address, where clouds keep instance metadata"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "an address reserved for protocols"),
        ("192.0.2.0/24", "an address for documentation"),
        ("192.31.196.0/24", "an address reserved for protocols"),
        ("192.52.193.0/24", "an address reserved for protocols"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "a private address"),
        ("192.175.48.0/24", "an address reserved for protocols"),
        ("198.18.0.0/15", "an address for benchmarking"),
        ("198.51.100.0/24", "an address for documentation"),
        ("203.0.113.0/24", "an address for documentation"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("::ffff:0:0/96", "an IPv4 address in IPv6's clothes"),
        ("64:ff9b::/96", "a NAT64 address"),
        ("64:ff9b:1::/48", "a NAT64 address"),
        ("100::/64", "an address that discards"),
        ("2001::/32", "a Teredo address"),
        ("2001:2::/48", "an address for benchmarking"),
        ("2001::/23", "an address reserved for protocols"),
        ("2001:db8::/32", "an address for documentation"),
        ("2002::/16", "a 6to4 address"),
        ("2620:4f:8000::/48", "an address reserved for protocols"),
        ("3fff::/20", "an address for documentation"),
        ("5f00::/16", "an address for segment routing"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a site-local address"),
        ("ff00::/8", "a multicast address"),
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")


def parse_networks(text: str) -> tuple[Network, ...]:
    """The networks of ``OFFHOOK_ALLOW_TARGETS``: addresses or CIDR, separated by commas."""
    networks = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise Invalid(
                f"OFFHOOK_ALLOW_TARGETS holds {part!r}: {error}; write networks such as "
                "10.0.0.0/8, separated by commas."
            ) from None
    return tuple(networks)


def forbidden(address: Address, allowed: Sequence[Network] = ()) -> str | None:
    """Why nothing may be sent to this address; ``None`` if it may.

    An allowed network names the address as it is: one of IPv4 does not open the IPv6 addresses
    that embed it.
    """
    if any(address in network for network in allowed):
        return None
    for network, reason in _FORBIDDEN:
        if address in network:
            return reason
    if address.version == 6 and address not in _GLOBAL_V6:
        return "an address outside the public Internet"
    return None


def check_url(
    url: str, *, allow_http: bool, allowed: Sequence[Network] = (), path: str = "body.url"
) -> tuple[FieldError, ...]:
    """What is wrong with an endpoint's URL, as far as the URL itself says; empty if nothing is."""
    shown = repr(url[:200])
    if len(url) > MAX_URL_LENGTH:
        return _error(path, f"is {len(url)} characters long; {MAX_URL_LENGTH} are allowed")
    if not url.isprintable() or not url.isascii() or " " in url or "\\" in url:
        return _error(path, f"{shown} holds characters that no URL has; percent-encode them")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return _error(path, f"{shown} is no URL: {error}")
    if "@" in parts.netloc:  # and not shown: the message may reach a log
        return _error(path, "carries credentials; give them as a header of the webhook instead")
    problems = [
        _scheme_problem(parts, allow_http),
        _host_problem(parts, allowed),
        f"port {port} cannot be connected to; use 1 to 65535" if port == 0 else None,
        "a fragment never leaves this side; take away what follows #" if parts.fragment else None,
    ]
    return tuple(FieldError(path, f"{shown}: {problem}") for problem in problems if problem)


def parse_literal(host: str) -> Address | None:
    """The address that a host is in itself, in any spelling that a connect would take.

    IPv4 may be written in one to four parts, each decimal, octal or hexadecimal, the last filling
    the bytes left over (inet_aton(3)): ``2130706433`` and ``0x7f.1`` are 127.0.0.1. ``ValueError``
    for a host that ends in a number and is still no address.
    """
    if ":" in host:
        return ipaddress.IPv6Address(host)
    labels = host.removesuffix(".").split(".")
    if not _NUMBER.fullmatch(labels[-1]):
        return None
    if len(labels) > 4:
        raise ValueError("an IPv4 address has at most four parts")
    numbers = [_number(label) for label in labels]
    *head, last = numbers
    if any(number > 255 for number in head) or last >= 256 ** (5 - len(numbers)):
        raise ValueError("a part of the IPv4 address is too large")
    packed = sum(number << 8 * (3 - place) for place, number in enumerate(head)) + last
    return ipaddress.IPv4Address(packed)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the addresses of a URL's host say about it now."""

    errors: tuple[FieldError, ...] = ()
    warnings: tuple[str, ...] = ()


async def resolve_check(
    host: str,
    resolver: Resolver,
    *,
    allowed: Sequence[Network] = (),
    path: str = "body.url",
) -> Resolution:
    """Refuse a name that resolves now to a forbidden address; warn of one that does not resolve.

    A single forbidden address among others is enough: which one a connect takes is chance.
    """
    try:
        async with asyncio.timeout(_RESOLVE_TIMEOUT_S):
            addresses = await resolver(host)
    except (OSError, UnicodeError):
        warning = (
            f"{host!r} does not resolve now; it is checked again at every delivery, which fails "
            "until it does."
        )
        return Resolution(warnings=(warning,))
    for text in addresses:
        reason = forbidden(ipaddress.ip_address(text), allowed)
        if reason is not None:
            return Resolution(errors=_error(path, f"{host!r} resolves to {_refusal(text, reason)}"))
    return Resolution()


async def system_resolver(host: str) -> list[str]:
    """The addresses that the system's resolver gives for a name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def _refusal(address: object, reason: str) -> str:
    return f"{address}, {reason}; an operator can allow it with OFFHOOK_ALLOW_TARGETS={address}"


def _scheme_problem(parts: SplitResult, allow_http: bool) -> str | None:
    if parts.scheme == "https" or (parts.scheme == "http" and allow_http):
        return None
    if parts.scheme == "http":
        return "plain http is not allowed; use https, or set OFFHOOK_ALLOW_HTTP=1 on the server"
    return "the scheme must be https, as in https://example.com/hook"


def _host_problem(parts: SplitResult, allowed: Sequence[Network]) -> str | None:
    host = parts.hostname
    if not host:
        return "there is no host; write it as in https://example.com/hook"
    try:
        address = parse_literal(host)
    except ValueError as error:
        return f"host {host!r} is no address: {error}"
    if address is not None:
        reason = forbidden(address, allowed)
        return None if reason is None else f"the host is {_refusal(address, reason)}"
    if not _HOST.fullmatch(host):
        return f"host {host!r} is no name; write letters, digits, dots and hyphens alone"
    return None


def _number(label: str) -> int:
    if not _NUMBER.fullmatch(label):
        raise ValueError(f"{label!r} is no number")
    if label[:2].lower() == "0x":
        return int(label[2:] or "0", 16)
    return int(label, 8) if len(label) > 1 and label[0] == "0" else int(label)


def _error(path: str, message: str) -> tuple[FieldError, ...]:
    return (FieldError(path, message),)
