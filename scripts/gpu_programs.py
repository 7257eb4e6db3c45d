"""The programs of attack and training, lowered for an H100 from shapes alone; see compile_for_gpu.py."""

import argparse
import dataclasses
import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxpix import Victim
from jaxpix.config import AttackConfig, EngineConfig, TrainConfig
from jaxpix.models.zoo import build
from jaxpix.search.evaluators import make_evaluator
from jaxpix.search.exhaustive.grid import grid_of
from jaxpix.search.exhaustive.program import SweepProgram, choose_blocks
from jaxpix.search.genome import Box
from jaxpix.search.layout import Layout
from jaxpix.search.presets import search_of
from jaxpix.search.problem import Problem
from jaxpix.search.slots import SlotProgram
from jaxpix.train.step import initial_state, make_evaluate, make_optimizer, make_step

TARGET = Path(__file__).with_name("h100.txtpb")
IN_SLOTS = ("fill", "advance", "read", "refute")
EXHAUSTIVE = "exhaustive"
ON_IMAGES = ("judge", "predict")
IN_TRAINING = ("train", "evaluate")
PROGRAMS = (*IN_SLOTS, EXHAUSTIVE, *ON_IMAGES, *IN_TRAINING)
BATCHES = {"judge": 16, "predict": 64, "train": 64, "evaluate": 64}


@dataclasses.dataclass(frozen=True)
class Program:
    """One program to compile; `what` is one of `PROGRAMS`, and what does not concern it is left at its default."""

    what: str
    model: str
    size: int
    channels: int
    precision: str = "float32"
    evaluator: str = "dense"
    num_pixels: int = 1

    def __str__(self) -> str:
        is_search = self.what in (*IN_SLOTS, EXHAUSTIVE)
        search = f" {self.evaluator} K={self.num_pixels}" if is_search else ""
        return f"{self.what} {self.model} {self.size} px x{self.channels} {self.precision}{search}"


def wanted(options: argparse.Namespace) -> list[Program]:
    """What the options name, the cheapest combinations left out that add no program."""
    programs = []
    for model, size, channels in itertools.product(options.models, options.image_size, options.channels):
        searches = itertools.product(options.precision, options.evaluators, options.num_pixels)
        for precision, evaluator, num_pixels in searches:
            # Whole images are evaluated alike for any number of pixels.
            if evaluator == "dense" and num_pixels != options.num_pixels[0]:
                continue
            search = (precision, evaluator, num_pixels)
            programs += [Program(what, model, size, channels, *search) for what in IN_SLOTS]
            if num_pixels == 1:
                programs.append(Program(EXHAUSTIVE, model, size, channels, *search))
        programs += [Program(what, model, size, channels) for what in ON_IMAGES]
        trained = [name for name in options.precision if name != "tfloat32"]
        programs += [Program("train", model, size, channels, name) for name in trained]
        programs.append(Program("evaluate", model, size, channels))
    return [program for program in programs if program.what in options.programs]


def h100() -> Any:
    """The device that is compiled for; it takes no arrays, so everything is lowered from shapes."""
    jax.devices()  # loads the plugins
    topology = topologies.get_topology_desc(
        platform="cuda", topology_name="h100", topology="1x1x1", target_config=TARGET.read_text()
    )
    return topology.devices[0]


def lowered(program: Program, device: Any) -> Any:
    """The program for the device, ready to be compiled."""
    everywhere = NamedSharding(Mesh(np.asarray([device]), ("slots",)), PartitionSpec())

    def placed(tree: Any) -> Any:
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=everywhere), tree)

    if program.what in IN_SLOTS:
        return slot_program(program, device)
    if program.what == EXHAUSTIVE:
        problem, grid = problem_of(program), grid_of(AttackConfig(search=EXHAUSTIVE), image_shape(program))
        return SweepProgram(problem, grid, choose_blocks(problem, [device])).lower()
    images = placed(jax.ShapeDtypeStruct((BATCHES[program.what], *image_shape(program)), np.uint8))
    if program.what in ON_IMAGES:
        victim = random_victim(program.model, program.size, program.channels)
        return jax.jit(victim.dense_logits).lower(placed(victim.weights), images)
    return training_program(program, placed, images)


@functools.lru_cache(maxsize=1)
def random_victim(name: str, size: int, channels: int) -> Victim:
    """A victim with random weights; it is probed with small images, which is quick."""
    grey = [128.0] * channels
    victim = Victim.from_model(
        build(name, num_classes=2, channels=channels, seed=0),
        architecture=name,
        task="multiclass",
        class_names=["a", "b"],
        input_shape=(32, 32, channels),
        mean=grey,
        std=grey,
    )
    return dataclasses.replace(victim, input_shape=(size, size, channels))


def image_shape(program: Program) -> tuple[int, int, int]:
    """(H, W, C) of the program's images."""
    return (program.size, program.size, program.channels)


def problem_of(program: Program) -> Problem:
    """What a search with this program solves."""
    victim = random_victim(program.model, program.size, program.channels)
    engine = EngineConfig(evaluator=program.evaluator)
    return Problem(
        evaluator=make_evaluator(victim, program.num_pixels, program.precision, engine),
        search=search_of(AttackConfig(num_pixels=program.num_pixels)),
        box=Box(victim.input_shape, program.num_pixels),
        fitness="confidence",
        space=victim.space,
        targeted=False,
    )


def slot_program(program: Program, device: Any) -> Any:
    """A function of the engine as `choose_layout` would lay it out on an H100."""
    problem = problem_of(program)
    layout = Layout(num_slots=64, group=16, filling=8, devices=(device,), seconds_per_call=0.2)
    slots_of = SlotProgram(problem, layout)
    weights, slots, filling = slots_of.shapes()
    arguments = {
        "fill": (weights, slots, filling),
        "advance": (weights, slots, jax.ShapeDtypeStruct((), np.int32)),
        "read": (slots,),
        "refute": (slots, jax.ShapeDtypeStruct((layout.num_slots,), bool)),
    }
    return getattr(slots_of, program.what).lower(*arguments[program.what])


def training_program(program: Program, placed: Callable[[Any], Any], images: Any) -> Any:
    """The step of training, or its evaluation, which is always float32."""
    config = TrainConfig(model=program.model, precision=program.precision)
    model = build(
        program.model, num_classes=2, channels=program.channels, seed=0, precision=program.precision
    )
    grey = np.full(program.channels, 128.0, np.float32)
    optimizer = make_optimizer(config, steps_per_epoch=100)
    state = placed(initial_state(model, optimizer))
    if program.what == "evaluate":
        return jax.jit(make_evaluate(model, grey, grey)).lower(state.params, state.statistics, images)
    batch = images.shape[0]
    labels, mask = jax.ShapeDtypeStruct((batch,), np.int32), jax.ShapeDtypeStruct((batch,), bool)
    return jax.jit(make_step(model, optimizer, grey, grey)).lower(state, images, placed(labels), placed(mask))
