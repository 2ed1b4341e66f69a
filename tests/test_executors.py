"""How tasks are shared out to processes."""

from hypothesis import given
from hypothesis import strategies as st

from maskaug.core.executors.executor import Executor, chunks
from maskaug.core.executors.local import LocalExecutor


@given(st.integers(0, 300), st.integers(2, 16))
def test_every_task_is_handed_over_once_and_the_last_ones_singly(count, workers):
    shared = list(chunks(range(count), workers, 8))
    assert [task for chunk in shared for task in chunk] == list(range(count))
    sizes = [len(chunk) for chunk in shared]
    assert sizes == sorted(sizes, reverse=True)
    assert not sizes or (sizes[0] <= 8 and sizes[-1] == 1)


def test_a_result_is_waited_for_while_the_next_task_is_done():
    seen = []

    def work(task):
        seen.append(f"do {task}")

        def result():
            seen.append(f"wait {task}")
            return task * 2

        return result

    assert list(LocalExecutor(lambda: work, 1).run([1, 2, 3])) == [(1, 2), (2, 4), (3, 6)]
    assert seen == ["do 1", "do 2", "wait 1", "do 3", "wait 2", "wait 3"]


class Shuffled(Executor[int, int]):
    """Gives its results in an order of its own."""

    def __init__(self, order):
        self.order = order

    def run(self, tasks):
        yield from ((tasks[place], 10 * tasks[place]) for place in self.order)

    def close(self):
        pass


@given(st.lists(st.integers(0, 5)).flatmap(lambda tasks: st.tuples(st.just(tasks), st.permutations(range(len(tasks))))))
def test_results_come_in_the_order_of_the_tasks(case):
    tasks, order = case
    assert list(Shuffled(order).run_in_order(tasks)) == [(task, 10 * task) for task in tasks]
