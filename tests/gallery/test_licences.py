import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery import licences


@pytest.mark.parametrize(
    ("name", "url", "expected"),
    [
        ("CC BY 2.0", "https://creativecommons.org/licenses/by/2.0/", ("by", "2.0")),
        ("CC BY-SA 4.0", "", ("by-sa", "4.0")),
        ("by-nc-nd", "", ("by-nc-nd", "")),
        ("CC0", "https://creativecommons.org/publicdomain/zero/1.0/", ("cc0", "1.0")),
        ("Public domain", "https://creativecommons.org/publicdomain/mark/1.0/", ("pdm", "1.0")),
        ("", "http://creativecommons.org/licenses/by-sa/3.0/de/", ("by-sa", "3.0")),
        ("All rights reserved", "", ("reserved", "")),
        ("", "", ("unknown", "")),
        ("CC BY-XX 4.0", "", ("unknown", "")),
        ("", "https://evil.example/?creativecommons.org/licenses/by/4.0/", ("unknown", "")),
        ("free to use", "https://example.org/licence", ("unknown", "")),
    ],
)
def test_it_knows_a_licence_by_address_or_name(name, url, expected):
    assert licences.parse(name, url) == expected


def test_a_name_and_an_address_that_contradict_each_other_are_unknown():
    assert licences.parse("CC BY 4.0", "https://creativecommons.org/licenses/by-nc/4.0/") == ("unknown", "")


def test_a_version_is_never_guessed():
    assert licences.parse("CC BY") == ("by", "")
    assert licences.deed_url("by", "") == ""


def test_unknown_and_reserved_are_never_shown():
    assert not {"unknown", "reserved"} & set(licences.SHOWN)


@given(st.text(), st.text())
def test_whatever_the_source_says_the_slug_is_one_of_ours(name, url):
    assert licences.parse(name, url)[0] in licences.LICENCES


def test_attribution_of_a_cc_by_photograph_spells_out_the_deed():
    text = licences.attribution(title="Fog", creator="Ann", slug="by", version="2.0")
    assert text == (
        "“Fog” by Ann is licensed under CC BY 2.0. It was scaled down. "
        "To view a copy of this licence, visit https://creativecommons.org/licenses/by/2.0/"
    )


def test_attribution_of_the_public_domain_asks_for_nothing_more():
    text = licences.attribution(title="Earth", creator="NASA", slug="pdm", version="1.0")
    assert text.startswith("“Earth” by NASA is in the public domain.")
    assert "licensed" not in text


def test_attribution_without_title_or_creator_still_reads():
    assert licences.attribution(title="", creator="", slug="cc0", version="1.0").startswith(
        "This photograph is marked with CC0 1.0."
    )
