"""Long lists beside a card: in files of so many entries, and never fewer than the card says."""

import pytest

from vqvae_jax.data import details
from vqvae_jax.data.details import read_details, write_details
from vqvae_jax.data.records import Digests, combined_digest, sorted_digest
from vqvae_jax.errors import UserError

ENTRIES = [{"path": f"{number}\udc80.avi", "n": number} for number in range(7)]


def test_entries_come_back_in_order_from_several_files(tmp_path, monkeypatch):
    monkeypatch.setattr(details, "PER_FILE", 3)
    card = {"details": {"videos": write_details(tmp_path, "videos", iter(ENTRIES))}}
    assert card["details"]["videos"] == {"entries": 7, "files": 3}
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"videos-0000{number}.jsonl" for number in range(3)]
    assert list(read_details(tmp_path, card, "videos")) == ENTRIES
    (tmp_path / "videos-00002.jsonl").write_text("")
    with pytest.raises(UserError, match=r"'videos' of its card cannot be read .ValueError: 6 of 7 entries"):
        list(read_details(tmp_path, card, "videos"))
    with pytest.raises(UserError, match="'skipped' of its card"):
        list(read_details(tmp_path, card, "skipped"))


def test_a_card_of_version_1_holds_its_lists_itself(tmp_path):
    assert list(read_details(tmp_path, {"videos": ENTRIES}, "videos")) == ENTRIES


def test_digests_in_32_bytes_are_those_of_the_texts():
    texts = [combined_digest([str(number)]) for number in range(50)] + ["00" * 32, "ab" + "00" * 31]
    digests = Digests()
    for text in texts:
        digests.add(text)
    assert len(digests) == 52 and list(digests) == sorted(texts)
    assert sorted_digest(digests) == combined_digest(texts)
