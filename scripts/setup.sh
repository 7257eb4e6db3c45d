# Sourced by the other scripts: makes the virtual environment .venv with jaxpix in it, unless it is there.
# JAXPIX_PYTHON chooses the interpreter, JAXPIX_VENV another folder.
jaxpix_setup() {
  local extras="$1" python="${JAXPIX_PYTHON:-python3}" stamp
  venv="${JAXPIX_VENV:-.venv}"
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "jaxpix needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1 || echo absent)." >&2
    echo "Set JAXPIX_PYTHON, for example: JAXPIX_PYTHON=python3.12 bash $0" >&2
    exit 2
  fi
  stamp="$(cat pyproject.toml constraints.txt | cksum) $extras $("$python" --version)"
  if [ "$(cat "$venv/.jaxpix" 2>/dev/null)" != "$stamp" ]; then
    echo "== setting up $venv (about a minute, once)"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".$extras"
    echo "$stamp" > "$venv/.jaxpix"
  fi
}
