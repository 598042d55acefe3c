"""Programs compiled ahead of time: what becomes of one that cannot be, and which rows are kept."""

import json

from benchmarks import aot


def test_what_does_not_compile_says_why_in_its_row():
    row = aot.planned("ntc_tiny", "v9:1", 8)
    assert row["topology"] == "v9:1" and row["it"].startswith("plan: config: topology='v9:1' is not allowed")


def test_rows_of_the_same_versions_are_kept_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr(aot, "KEPT", tmp_path / "aot.json")
    assert aot.known() == {}
    row = {"model": "ntc", "topology": "v5e:1", "clips a chip": 8, "it": "compiles, fits"}
    for said, kept in ((aot._versions(), {("ntc", "v5e:1", 8): row}), ({"jax": "0"}, {})):
        aot.KEPT.write_text(json.dumps({"rows": [row], "compiled_with": said}))
        assert aot.known() == kept
    aot.KEPT.write_text("no JSON")
    assert aot.known() == {}
