"""How tasks are shared out to processes."""

from hypothesis import given
from hypothesis import strategies as st

from maskaug.core.executors.executor import chunks


@given(st.integers(0, 300), st.integers(2, 16))
def test_every_task_is_handed_over_once_and_the_last_ones_singly(count, workers):
    shared = list(chunks(range(count), workers))
    assert [task for chunk in shared for task in chunk] == list(range(count))
    sizes = [len(chunk) for chunk in shared]
    assert sizes == sorted(sizes, reverse=True)
    assert not sizes or (sizes[0] <= 8 and sizes[-1] == 1)
