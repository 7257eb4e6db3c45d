# Sourced by the other scripts: makes the virtual environment .venv with jaxpix in it, unless it is there.
# JAXPIX_PYTHON chooses the interpreter, JAXPIX_VENV another folder.
jaxpix_setup() {
  # What was installed for the tests serves the demonstration too.
  jaxpix_environment "${JAXPIX_VENV:-.venv}" "$1" "[dev]" -e ".$1"
}

# jaxpix_environment FOLDER CONTENT ENOUGH PACKAGE…: an environment of these packages, in versions of constraints.txt.
# CONTENT names it; one that holds ENOUGH is as good. Sets $venv.
jaxpix_environment() {
  local content="$2" enough="$3" python="${JAXPIX_PYTHON:-python3}" known
  venv="$1"
  shift 3
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "jaxpix needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1 || echo absent)." >&2
    echo "Set JAXPIX_PYTHON, for example: JAXPIX_PYTHON=python3.12 bash $0" >&2
    exit 2
  fi
  known="$(cat pyproject.toml constraints.txt | cksum) $("$python" --version)"
  case "$(cat "$venv/.jaxpix" 2>/dev/null)" in
    "$known $content" | "$known $enough") return ;;
  esac
  echo "== setting up $venv (about a minute, once)"
  "$python" -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "$@"
  echo "$known $content" > "$venv/.jaxpix"
}
