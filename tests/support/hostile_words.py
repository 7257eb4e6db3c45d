"""Hostile settings: configuration files, study files, overrides and command lines."""

import contextlib
import io
import tomllib
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import strategies as st

from jaxpix.attack.options import AttackOptions
from jaxpix.errors import InputError
from jaxpix.labels import LabelSpace
from jaxpix.prepare.__main__ import PrepareOptions
from jaxpix.storage.settings import TABLES, build, field_names, read_toml, to_toml
from jaxpix.study.__main__ import StudyOptions
from jaxpix.study.file import read_study
from jaxpix.terminal.options import parse_flags
from jaxpix.train.__main__ import TrainOptions
from support.hostile import Property, as_file, mutated

_CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.toml"))
_OPTIONS = {"prepare": PrepareOptions, "train": TrainOptions, "attack": AttackOptions}
_KEYS = sorted({key for options in _OPTIONS.values() for key in field_names(options)})
_WORDS = ("cosine", "tsai2023", "scipy", "rand1", "true", "Normal", "a|b", "inf", "nan", "1e999", "-1", "0")
_AWKWARD = ("", "\0", "..", "/", "-", "--", "=", "\x1b[2J", "\u202e", "é" * 300, "9" * 5000, "[" * 3000)

words = st.one_of(st.sampled_from(_WORDS), st.sampled_from(_AWKWARD), st.text(max_size=12))
numbers = st.one_of(
    st.integers(-3, 300), st.integers(-(2**80), 2**80), st.floats(), st.sampled_from([2**31, 2**63, 10**4000])
)
_scalars = st.one_of(numbers, words, st.booleans(), st.dates(), st.times())
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
_keys = st.one_of(st.sampled_from(_KEYS), words)
_tables = st.dictionaries(_keys, _values, max_size=5)
_attacks = st.lists(
    st.fixed_dictionaries({}, optional={"name": words | st.just("one"), "target": words, "seed": numbers}),
    max_size=3,
)
_studies = st.fixed_dictionaries(
    {},
    optional={
        "title": words,
        "num_pixels": st.lists(numbers, max_size=3) | _values,
        "victim": words,
        "attacks": _attacks | _values,
    },
)
_raw = st.one_of(
    st.sampled_from([path.read_bytes() for path in _CONFIGS]),
    st.sampled_from([b"a = " + b"[" * 5000, b"[attack]\nseed = " + b"9" * 5000, b"a." * 5000 + b"b = 1"]),
    st.binary(max_size=80),
)


def _dumped(content: dict[str, Any]) -> bytes:
    try:
        return tomli_w.dumps(content).encode()
    # Numbers too long to be written, and lone surrogates.
    except (ValueError, TypeError):
        return b""


_files = st.one_of(
    mutated(_raw),
    st.dictionaries(st.sampled_from(TABLES) | words, _tables, max_size=3).map(_dumped),
)
_study_files = st.one_of(
    mutated(_raw),
    st.fixed_dictionaries(
        {"study": _studies},
        optional={"data": _tables | st.just({"dataset": "oct"}), "attack": _tables, "train": _tables},
    ).map(_dumped),
)
_places = st.sampled_from(["attack.seed", "train.epochs", "data.dataset", "study.num_pixels", "study.title"])
_overrides = st.lists(
    st.one_of(words, st.builds("{}={}".format, st.one_of(_places, words), st.one_of(words, numbers))),
    max_size=3,
)


def configuration_holds(content: bytes) -> None:
    """A file is refused, or its options survive being written and read again."""
    with as_file(content, "some.toml") as path, contextlib.suppress(InputError):
        tables = read_toml(path)
        for door, options_type in _OPTIONS.items():
            with contextlib.suppress(InputError):
                options = build(options_type, tables.get(door, {}), "")
                again = tomllib.loads(to_toml(door, options)).get(door, {})
                assert build(options_type, again, "") == options


def study_holds(given: tuple[bytes, list[str]]) -> None:
    """A study is refused, or what it writes down is the same study."""
    content, overrides = given
    with as_file(content, "some.toml") as path:
        try:
            study = read_study(path, overrides)
        except InputError:
            return
        text = study.to_toml()
    with as_file(text.encode(), "again.toml") as path:
        assert read_study(path).attacks == study.attacks


def command_line_holds(given: tuple[type, list[str]]) -> None:
    """Flags are refused with status 2, explained with status 0, or understood."""
    options_type, arguments = given
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        status = 0
        try:
            parse_flags(options_type, arguments, "door", "A door.")
        except InputError:
            return
        except SystemExit as stop:
            status = stop.code
    assert status in (0, 2)


def label_holds(text: str) -> None:
    """A label set is refused, or it is a vector of the space."""
    for task in ("multiclass", "multilabel"):
        space = LabelSpace(task, ("a", "b", "Normal"), ("Normal",))
        with contextlib.suppress(InputError):
            vector = space.parse(text)
            assert vector.shape == (3,)
            assert space.names(vector) or task == "multilabel"


_flags = st.builds("--{}".format, _keys.map(lambda key: key.replace("_", "-")))
_arguments = st.lists(st.one_of(_flags, words, numbers.map(str)), max_size=5)
_doors = st.sampled_from([*_OPTIONS.values(), StudyOptions])

PROPERTIES = (
    Property("configuration files", _files, configuration_holds),
    Property("study files", st.tuples(_study_files, _overrides), study_holds),
    Property("command lines", st.tuples(_doors, _arguments), command_line_holds),
    Property("label sets", st.one_of(st.text(), st.text("ab|Normal \0")), label_holds),
)
