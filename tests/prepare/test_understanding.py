"""What `prepare` says of a source before it stores anything."""

import pytest
from support import made_trees as made

from jaxpix.prepare.__main__ import main
from jaxpix.terminal.console import console


def test_a_dry_run_says_everything_and_stores_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(console, "width", 300)
    files = {f"scans/{number}.png": made.encoded(number) for number in range(20)}
    rows = [f"{number};{40 + number % 3};{('a', 'b')[number % 2]};p{number // 2}" for number in range(20)]
    files["labels.csv"] = "\n".join(["image_id;age;dx;patient", *rows]).encode()
    source = made.write(tmp_path / "mine", files)
    main(["folder", "--source", str(source), "--data-dir", str(tmp_path / "data"), "--dry-run"])
    said = " ".join(capsys.readouterr().out.split())
    for expected in (
        "labels.csv; separated by semicolons",
        "multiclass: column 'dx': every cell holds one label",
        "columns ignored │ age",
        "patients │ column 'patient'",
        "split 'patient' │ train 16, test 4",
        "sizes │ 20x16 (20 of 20 looked at)",
        "scans/10.png",
        "nothing was stored (--dry-run)",
    ):
        assert expected in said
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["notes.txt", "masks.csv"])
def test_what_is_left_out_is_said(tmp_path, capsys, name):
    source = made.write(tmp_path / "mine", made.class_folders() | {f"mine/{name}": b"x"})
    main(["folder", "--source", str(source), "--data-dir", str(tmp_path / "data"), "--dry-run"])
    assert f"1 not an image (first: mine/{name})" in " ".join(
        capsys.readouterr().out.replace("│", "").split()
    )
