"""No spelling of a URL, and no answer of the DNS, leads a delivery inside."""

import ipaddress
import socket
from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import given

from offhook.delivery.guard import (
    Resolver,
    check_url,
    forbidden,
    parse_literal,
    parse_networks,
    resolve_check,
    system_resolver,
)
from offhook.model.errors import Invalid

INSIDE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1",
    "127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1", "2001:10::1",
    "2001:db8::1", "2002:7f00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip
OUTSIDE = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1",
    "126.255.255.255", "128.0.0.1", "172.15.255.255", "172.32.0.1", "192.167.255.255",
    "198.17.255.255", "198.20.0.1", "223.255.255.255", "2600::1", "2606:4700::1111",
    "2a00:1450:4001::1", "2001:4860:4860::8888",
]  # fmt: skip


@pytest.mark.parametrize("text", INSIDE)
def test_addresses_that_are_not_of_the_public_internet_are_forbidden(text: str) -> None:
    assert forbidden(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", OUTSIDE)
def test_public_addresses_may_be_sent_to(text: str) -> None:
    assert forbidden(ipaddress.ip_address(text)) is None


@given(st.ip_addresses())
def test_whatever_python_knows_as_not_global_is_forbidden(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast:
        assert forbidden(address)


def test_an_allowed_network_opens_itself_and_not_what_embeds_it() -> None:
    allowed = parse_networks("10.0.0.0/8, 127.0.0.1,fd00::/8")
    for text in ("10.9.8.7", "127.0.0.1", "fd12::1"):
        assert forbidden(ipaddress.ip_address(text), allowed) is None
    for text in ("127.0.0.2", "::ffff:10.0.0.1", "64:ff9b::a00:1", "fc00::1", "192.168.0.1"):
        assert forbidden(ipaddress.ip_address(text), allowed)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "localhost", "10.0.0.0/33"])
def test_a_network_that_cannot_be_read_is_named_with_its_setting(text: str) -> None:
    with pytest.raises(Invalid, match="OFFHOOK_ALLOW_TARGETS") as caught:
        parse_networks(f"127.0.0.0/8,{text}")
    assert repr(text) in caught.value.detail


def test_no_allowed_networks_is_a_setting_too() -> None:
    assert parse_networks(" , ") == ()


def problems(url: str, *, allow_http: bool = False, allowed: str = "") -> str:
    errors = check_url(url, allow_http=allow_http, allowed=parse_networks(allowed))
    assert all(error.path == "body.url" for error in errors)
    return " | ".join(error.message for error in errors)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://EXAMPLE.com:8443/hook?token=a%20b&x=1",
        "https://a_b.internal-name.example./",
        "https://8.8.8.8/hook",
        "https://[2606:4700::1111]:443/",
        "https://1e100.net/",
        "https://xn--bcher-kva.example/",
    ],
)
def test_ordinary_urls_pass(url: str) -> None:
    assert not problems(url)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("ftp://example.com/", "must be https"),
        ("example.com/hook", "must be https"),
        ("javascript:alert(1)", "must be https"),
        ("http://example.com/", "OFFHOOK_ALLOW_HTTP=1"),
        ("https://", "no host"),
        ("https:///hook", "no host"),
        ("https://:443/", "no host"),
        ("https://user:pass@example.com/", "credentials"),
        ("https://@example.com/", "credentials"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com:0/", "port 0"),
        ("https://example.com:65536/", "no URL"),
        ("https://example.com:http/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://exa mple.com/", "percent-encode"),
        ("https://example.com/\r\nx: 1", "percent-encode"),
        ("https://example.com\t/", "percent-encode"),
        ("https://example.com\\@127.0.0.1/", "percent-encode"),
        ("https://bücher.example/", "percent-encode"),
        ("https://１２７.0.0.1/", "percent-encode"),
        ("https://%31%32%37.0.0.1/", "no number"),
        ("https://%65xample.com/", "no name"),
        ("https://-.example/", "no name"),
        ("https://example.com/" + "a" * 2048, "2048 are allowed"),
        ("https://1.2.3.4.5/", "at most four"),
        ("https://1.2.3.256/", "too large"),
        ("https://256.1/", "too large"),
        ("https://4294967296/", "too large"),
        ("https://1.2.3.08/", "no address"),
        ("https://a.1/", "no number"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_remedy(url: str, part: str) -> None:
    assert part in problems(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "017700000001",
        "0x7f000001", "0x7f.1", "0X7F.0x0.0.0x1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]", "0", "0x", "169.254.169.254", "2852039166",
    ],
)  # fmt: skip
def test_an_inner_address_is_recognised_in_every_spelling(host: str) -> None:
    assert "OFFHOOK_ALLOW_TARGETS" in problems(f"https://{host}/")


def test_http_and_inner_addresses_pass_where_the_operator_allows_them() -> None:
    assert not problems("http://127.1:8080/", allow_http=True, allowed="127.0.0.0/8")
    assert "plain http" in problems("http://127.1:8080/", allowed="127.0.0.0/8")


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert problems("http://10.0.0.1:0/#x").count("|") == 3


def test_credentials_in_a_url_are_not_repeated() -> None:
    assert "hunter2" not in problems("https://me:hunter2@example.com/")


@given(
    parts=st.lists(st.integers(0, 2**32 + 1), min_size=1, max_size=4),
    spellings=st.lists(st.sampled_from(["{}", "0{:o}", "0x{:x}", "0X{:X}"]), min_size=4),
)
def test_literals_are_read_as_the_c_library_reads_them(
    parts: list[int], spellings: list[str]
) -> None:
    host = ".".join(spelling.format(part) for spelling, part in zip(spellings, parts, strict=False))
    try:
        expected = socket.inet_aton(host)
    except OSError:
        with pytest.raises(ValueError, match=r"\w"):
            parse_literal(host)
    else:
        address = parse_literal(host)
        assert address is not None
        assert address.packed == expected


def resolving_to(*addresses: str) -> Resolver:
    async def resolver(host: str) -> Sequence[str]:
        return addresses

    return resolver


async def test_one_inner_address_among_public_ones_refuses_the_name() -> None:
    resolution = await resolve_check("x.example", resolving_to("8.8.8.8", "10.0.0.7"))
    (error,) = resolution.errors
    assert "'x.example' resolves to 10.0.0.7, a private address" in error.message
    assert "OFFHOOK_ALLOW_TARGETS=10.0.0.7" in error.message


async def test_a_name_with_public_or_allowed_addresses_passes() -> None:
    resolver = resolving_to("8.8.8.8", "10.0.0.7", "2606:4700::1111")
    resolution = await resolve_check("x", resolver, allowed=parse_networks("10.0.0.0/8"))
    assert (resolution.errors, resolution.warnings) == ((), ())


@pytest.mark.parametrize("error", [socket.gaierror("no such name"), TimeoutError()])
async def test_a_name_that_does_not_resolve_is_a_warning(error: OSError) -> None:
    async def resolver(host: str) -> Sequence[str]:
        raise error

    resolution = await resolve_check("gone.example", resolver)
    assert not resolution.errors
    (warning,) = resolution.warnings
    assert "'gone.example' does not resolve now" in warning


async def test_the_systems_own_resolver_is_asked() -> None:
    resolution = await resolve_check("localhost", system_resolver)
    assert "a loopback address" in resolution.errors[0].message
