"""What a shell completes once it has read the script."""

import importlib
import shutil
import subprocess
from pathlib import Path

import pytest

from jaxpix.__main__ import DOORS, main
from jaxpix.errors import InputError
from jaxpix.terminal.completion import SHELLS, completion_script

OPTIONS = {name: importlib.import_module(f"jaxpix.{name}.__main__").OPTIONS for name in DOORS}
# As bash calls it: the words that were typed, and which of them is completed.
ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
$(complete -p jaxpix | sed "s/.*-F \\([^ ]*\\) .*/\\1/")
printf "%s\\n" "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "jaxpix"
    path.write_text(completion_script("bash", OPTIONS))
    return path


def completed(script: Path, *words: str) -> list[str]:
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(
        [bash, "-c", ASK, "bash", str(script), "jaxpix", *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split()


def test_bash_completes_doors_flags_and_words(script: Path) -> None:
    assert set(DOORS) <= set(completed(script, ""))
    assert completed(script, "at") == ["attack"]
    assert completed(script, "attack", "--num-p") == ["--num-pixels"]
    assert set(completed(script, "attack", "--fitness", "")) == {"confidence", "cosine", "margin"}
    assert completed(script, "prepare", "--chan") == ["--channels"]
    assert completed(script, "prepare", "--channels", "") == ["1", "3"]
    assert completed(script, "train", "--model", "densenet1") == ["densenet121", "densenet169"]
    assert "--full" in completed(script, "doctor", "--")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_a_script_that_names_all_doors(shell: str) -> None:
    text = completion_script(shell, OPTIONS)
    for door in DOORS:
        assert f"'{door}'" in text
    assert "'None'" not in text


def test_another_shell_is_refused() -> None:
    with pytest.raises(InputError, match=r"one of bash, zsh, fish, got 'fsh' \(did you mean fish\?\)"):
        completion_script("fsh", OPTIONS)


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", "data/bash-completion/completions/jaxpix"),
        ("zsh", "data/zsh/site-functions/_jaxpix"),
        ("fish", "config/fish/completions/jaxpix.fish"),
    ],
)
def test_it_is_installed_where_the_shell_looks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shell: str,
    place: str,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("sys.argv", ["jaxpix", "--install-completion", shell])
    main()
    assert (tmp_path / place).read_text() == completion_script(shell, OPTIONS)
    assert f"completion for {shell}: {tmp_path / place}" in capsys.readouterr().out
