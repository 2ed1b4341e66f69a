"""kill -9 and other bad days, a few of each; ``python benchmarks/faults.py`` has hundreds."""

import random

import faulted
import pytest

pytestmark = pytest.mark.slow
SEED = 5


@pytest.fixture(scope="module")
def generate(tmp_path_factory):
    return faulted.Generate(tmp_path_factory.mktemp("generate"))


@pytest.mark.parametrize("who", faulted.WHO)
def test_generate_goes_on(generate, who):
    generate.killed(who, random.Random(SEED))


def test_curate_begins_again(tmp_path):
    faulted.Curate(tmp_path).killed("group", random.Random(SEED))


def test_training_goes_on(tmp_path):
    faulted.Train(tmp_path).killed("group", random.Random(SEED))
