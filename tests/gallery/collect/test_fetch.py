"""Fetching reaches public addresses only, whatever name, redirect or spelling leads elsewhere."""

import ipaddress
import socket
import time

import pytest
from django.core.exceptions import ImproperlyConfigured

from gallery.collect import fetch as fetching
from gallery.collect.download import Hosts
from gallery.collect.fetch import NotFetched, fetch, is_public


def refused(url: str, seconds: float = 5) -> str:
    with pytest.raises(NotFetched) as error:
        fetch(url, time.monotonic() + seconds)
    return error.value.because


@pytest.fixture
def names(monkeypatch) -> dict[str, list[list[str]]]:
    """Names and what they resolve to, look-up by look-up (the last answer stays)."""
    names: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def answer(host, port, *args, **more):
        if host not in names:
            return real(host, port, *args, **more)
        addresses = names[host].pop(0) if len(names[host]) > 1 else names[host][0]
        if not addresses:
            raise socket.gaierror("unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return names


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.8.8.8", "0.0.0.0", "169.254.169.254", "100.64.0.1",
     "198.18.0.1", "203.0.113.5", "224.0.0.251", "239.1.1.1", "240.0.0.1", "255.255.255.255",
     "::", "::1", "::7f00:1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1",
     "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:a00:1::",
     "2001:0:a00:1::"],
)  # fmt: skip
def test_an_address_that_is_not_public_is_told(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_a_public_address_is_told(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/a.jpg", "http://169.254.169.254/latest", "http://[::1]/a.jpg", "http://[::ffff:10.0.0.1]/a.jpg",
     "http://127.1/a.jpg", "http://0x7f000001/a.jpg", "http://2130706433/a.jpg",
     "http://0.0.0.0/a.jpg", "http://192.168.1.1:8080/a.jpg", "https://localhost/a.jpg",
     "http://user:word@127.0.0.1/a.jpg", "http://1.1.1.1:22/", "file:///etc/passwd", "gopher://1.1.1.1/", "ftp://a/b",
     "//1.1.1.1/a.jpg", "a.jpg", ""],
)  # fmt: skip
def test_it_connects_to_no_address_that_is_not_public(url):
    assert refused(url) == "address_refused"


@pytest.mark.parametrize("addresses", [["10.1.2.3"], ["1.1.1.1", "127.0.0.1"], ["::1"]])
def test_a_name_with_any_private_address_is_refused(names, addresses):
    names["photos.example.org"] = [addresses]
    assert refused("http://photos.example.org/a.jpg") == "address_refused"


def test_an_unknown_name_is_a_host_that_did_not_answer(names):
    names["photos.example.org"] = [[]]
    assert refused("http://photos.example.org/a.jpg") == "unreachable"


def test_the_checked_address_is_the_connected_one(openverse, names):
    """A name that answers differently each time (DNS rebinding) is looked up once."""
    openverse.files["/a.jpg"] = (200, "image/jpeg", b"bytes")
    names["photos.example.org"] = [["127.0.0.1"], ["10.0.0.1"]]
    port = openverse.address.rpartition(":")[2]
    assert fetch(f"http://photos.example.org:{port}/a.jpg") == b"bytes"
    assert names["photos.example.org"] == [["10.0.0.1"]], "one look-up"


def test_the_next_address_is_tried_where_the_first_does_not_answer(openverse, names, settings):
    openverse.files["/a.jpg"] = (200, "image/jpeg", b"bytes")
    names["photos.example.org"] = [["127.0.0.2", "127.0.0.1"]]
    settings.EVOKE_FETCH_ALLOW = ["127.0.0.0/8"]
    port = openverse.address.rpartition(":")[2]
    assert fetch(f"http://photos.example.org:{port}/a.jpg") == b"bytes"


def test_a_redirect_is_followed_to_a_public_place_and_refused_to_a_private_one(openverse):
    openverse.files["/a.jpg"] = (200, "image/jpeg", b"bytes")
    openverse.files["/near"] = (302, "/a.jpg", b"")
    openverse.files["/away"] = (301, "http://10.0.0.1/a.jpg", b"")
    openverse.files["/file"] = (307, "file:///etc/passwd", b"")
    assert fetch(openverse.address + "/near") == b"bytes"
    assert refused(openverse.address + "/away") == "address_refused"
    assert refused(openverse.address + "/file") == "address_refused"


def test_redirects_in_a_circle_end(openverse):
    openverse.files["/round"] = (302, "/round", b"")
    assert refused(openverse.address + "/round") == "gone"


def test_without_leave_this_machine_is_refused(openverse, settings):
    openverse.files["/a.jpg"] = (200, "image/jpeg", b"bytes")
    settings.EVOKE_FETCH_ALLOW = []
    assert refused(openverse.address + "/a.jpg") == "address_refused"


def test_more_bytes_than_allowed_are_refused_declared_or_not(openverse, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_BYTES", 1000)
    openverse.files["/a.jpg"] = (200, "image/jpeg", b"a" * 2000)
    assert refused(openverse.address + "/a.jpg") == "too_large"
    with pytest.raises(NotFetched, match="larger"):
        fetching._read(iter([b"a" * 600, b"a" * 600]), 1000, whole=True)


def test_a_host_that_drips_is_left_when_time_is_over(openverse):
    openverse.files["/a.jpg"] = (200, "image/jpeg", b"a" * 1000)
    openverse.drip = 0.1
    assert refused(openverse.address + "/a.jpg", seconds=1) == "too_slow"


def test_a_look_up_that_hangs_is_left_when_time_is_over(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: time.sleep(2) or [])
    assert refused("http://photos.example.org/a.jpg", seconds=0.3) == "too_slow"


def test_a_bad_setting_is_one_sentence(openverse, settings):
    settings.EVOKE_FETCH_ALLOW = ["everything"]
    with pytest.raises(ImproperlyConfigured, match="EVOKE_FETCH_ALLOW must hold networks"):
        fetch(openverse.address)


def test_a_host_is_asked_for_no_more_at_a_time_than_the_setting_says(settings):
    settings.EVOKE_FETCH_A_HOST = 2
    hosts = Hosts()
    taken = [hosts.slot(f"https://one.example/{number}.jpg").acquire(blocking=False) for number in range(3)]
    assert taken == [True, True, False]
    assert hosts.slot("https://two.example/1.jpg").acquire(blocking=False)
