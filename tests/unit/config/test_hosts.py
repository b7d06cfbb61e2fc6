"""Which hosts are local, by their names and addresses alone."""

from __future__ import annotations

import pytest

from onetake.config.hosts import address_of, is_allowed, is_near, leads_near, read_host


@pytest.mark.parametrize(
    "host",
    [
        *(
            "localhost",
            "LOCALHOST.",
            "api.localhost",
            "localhost.localdomain",
            "db",
            "redis",
            "box",
        ),
        *("127.0.0.1", "127.1", "127.255.255.254", "0x7f.0.0.1", "0177.0.0.1", "2130706433"),
        *("0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1"),
        *("::1", "[::1]", "::", "fc00::1", "fd12:3456::1", "fe80::1%eth0", "[FE80::1%25en0]"),
        *("::ffff:127.0.0.1", "::ffff:10.1.2.3", "::FFFF:c0a8:101", "224.0.0.251", "ff02::fb"),
        *("255.255.255.255", b"localhost", b"127.0.0.1", b"", "", None, 0),
        "machine.corp.example",
    ],
)
def test_this_machine_and_its_networks_are_local(host: object) -> None:
    assert is_near(read_host(host), "machine.corp.example") is True


@pytest.mark.parametrize(
    "host",
    [
        *("8.8.8.8", "172.15.255.255", "172.32.0.1", "192.169.0.1", "100.64.0.1", "198.51.100.7"),
        *("0x08.8.8.8", "134744072", "2001:4860:4860::8888", "[2001:db8::1]", "::ffff:8.8.8.8"),
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "[FD00:EC2::254]"),
        *("::ffff:169.254.169.254", "2852039166", "fd20:ce::254"),
        *("metadata.google.internal", "Metadata.Google.Internal.", "metadata", "instance-data"),
        b"169.254.169.254",
    ],
)
def test_other_addresses_and_the_services_of_credentials_are_not(host: object) -> None:
    assert is_near(read_host(host)) is False


@pytest.mark.parametrize(
    "host",
    ["api.openai.com", "db.corp.internal", "10.example", "1.2.3.4.5", "0x7f.example", "1.2.3.256"],
)
def test_of_other_names_only_a_look_up_can_tell(host: str) -> None:
    assert is_near(read_host(host)) is None


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("API.OpenAI.com.", "api.openai.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        (b"api.test", "api.test"),
        ("fe80::1%eth0", "fe80::1"),
        ("a..b", "a..b"),
        ("ü" * 70, "ü" * 70),
    ],
)
def test_names_are_compared_as_resolvers_do(host: object, name: str) -> None:
    assert read_host(host) == name


@pytest.mark.parametrize(
    "host", ["", "localhost", "1..2", "08.1.1.1", "0x.1.1.1", "1.2.3.4.5", "::g"]
)
def test_what_is_no_address_is_a_name(host: str) -> None:
    assert address_of(host) is None


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("api.test", "api.test"),
        ("api.test:8080", "api.test"),
        ("api.test:8080", "api.test:8080"),
        ("API.test", "api.TEST"),
        ("eu.api.test", "*.api.test"),
        ("8.8.8.8", "8.8.*"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::*"),
        ("xn--bcher-kva.example", "bücher.example"),
    ],
)
def test_a_glob_allows_a_host_with_its_port_or_without(host: str, allowed: str) -> None:
    assert is_allowed(host, [allowed])


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("api.test", "test"), ("api.test", "*.api.test"), ("api.test", "api.test:443")],
)
def test_no_other_is_allowed(host: str, allowed: str) -> None:
    assert not is_allowed(host, [allowed])


@pytest.mark.parametrize(
    ("addresses", "is_local"),
    [
        (["10.1.2.3"], True),
        (["10.1.2.3", "fd00::1", "fe80::1%eth0"], True),
        (["10.1.2.3", "8.8.8.8"], False),
        (["127.0.0.1"], False),
        (["::ffff:127.0.0.1"], False),
        (["0.0.0.0"], False),
        (["169.254.169.254"], False),
        ([], False),
    ],
)
def test_a_name_that_leads_only_to_private_addresses_is_local(
    addresses: list[str], is_local: bool
) -> None:
    assert leads_near(addresses) is is_local


def test_the_own_name_of_a_machine_may_lead_to_loopback() -> None:
    assert leads_near(["127.0.1.1"], is_own=True)
