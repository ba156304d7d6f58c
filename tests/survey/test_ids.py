import pytest

from isogloss.survey.ids import compose_paper_id, compose_volume_id, find_paper_id, split_collection, split_volume


@pytest.mark.parametrize(
    ("parts", "paper", "volume"),
    [
        (("P18", "1", "1"), "P18-1001", "P18-1"),
        (("W18", "5", "1"), "W18-0501", "W18-05"),
        (("D19", "1", "12"), "D19-1012", "D19-1"),
        (("D19", "57", "2"), "D19-5702", "D19-57"),
        (("C69", "1", "1"), "C69-0101", "C69-01"),
        (("2020.acl", "main", "1"), "2020.acl-main.1", "2020.acl-main"),
        (("2021.woah", "1", "23"), "2021.woah-1.23", "2021.woah-1"),
    ],
)
def test_ids_are_composed_as_the_anthology_does_and_taken_apart_again(parts, paper, volume):
    assert compose_paper_id(*parts) == paper
    assert compose_volume_id(*parts[:2]) == volume
    assert split_volume(paper) == volume
    assert split_collection(paper) == parts[0]


@pytest.mark.parametrize("text", ["smith-2020", "key", "2020", "P18"])
def test_a_key_is_no_id(text):
    assert split_collection(text) is None
    assert split_volume(text) is None


def test_an_old_collection_wants_numbers():
    with pytest.raises(ValueError, match="main"):
        compose_paper_id("P18", "main", "1")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://aclanthology.org/2020.acl-main.1/", "2020.acl-main.1"),
        ("https://www.aclweb.org/anthology/P18-1001.pdf", "P18-1001"),
        ("https://example.org/P18-1001", None),
    ],
)
def test_ids_are_found_in_addresses(address, found):
    assert find_paper_id(address) == found
