# Sourced by the other scripts: makes the virtual environment .venv with jaxpix in it, unless it is there.
# JAXPIX_PYTHON chooses the interpreter, JAXPIX_VENV another folder.
jaxpix_setup() {
  local extras="$1" python="${JAXPIX_PYTHON:-python3}" known
  venv="${JAXPIX_VENV:-.venv}"
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "jaxpix needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1 || echo absent)." >&2
    echo "Set JAXPIX_PYTHON, for example: JAXPIX_PYTHON=python3.12 bash $0" >&2
    exit 2
  fi
  known="$(cat pyproject.toml constraints.txt | cksum) $("$python" --version)"
  # What was installed for the tests serves the demonstration too.
  case "$(cat "$venv/.jaxpix" 2>/dev/null)" in
    "$known $extras" | "$known [dev]") return ;;
  esac
  echo "== setting up $venv (about a minute, once)"
  "$python" -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".$extras"
  echo "$known $extras" > "$venv/.jaxpix"
}
