"""Programs compiled ahead of time: what becomes of one that cannot be, and which rows are kept."""

import json

from benchmarks import aot


def test_what_does_not_compile_says_why_in_its_row():
    row = aot.planned("ntc_tiny", "v9:1", 8)
    assert row["topology"] == "v9:1" and row["it"].startswith("plan: config: topology='v9:1' is not allowed")


def test_rows_of_the_same_versions_are_kept_and_no_others(tmp_path, monkeypatch):
    compiled = []

    def planned(*key):
        compiled.append(key)
        return {"model": key[0], "it": "compiles, fits" if key[0] == "ntc" else "plan: no"}

    monkeypatch.setattr(aot, "KEPT", tmp_path / "rows")
    monkeypatch.setattr(aot, "planned", planned)
    first = aot.kept("ntc", "v5e:1", 8)
    assert aot.kept("ntc", "v5e:1", 8) == first and compiled == [("ntc", "v5e:1", 8)]
    aot.kept("edge", "v5e:1", 8)
    aot.kept("edge", "v5e:1", 8)  # what did not compile is tried again
    assert len(compiled) == 3
    path = tmp_path / "rows" / "ntc-v5e-1-8.json"
    for content in (json.dumps({"row": first, "compiled_with": {"jax": "0"}}), "no JSON"):
        path.write_text(content)
        assert aot.kept("ntc", "v5e:1", 8) == first
    assert len(compiled) == 5
