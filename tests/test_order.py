"""Order statistics are NumPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maskaug.core.arrays import median, quantile

values = arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(-1e4, 1e4, width=32))


@given(values)
def test_median(values):
    assert median(values) == pytest.approx(float(np.median(values.astype(float))), abs=1e-2)


@given(values, st.floats(0, 1))
def test_quantile(values, share):
    assert quantile(values, share) == pytest.approx(float(np.quantile(values.astype(float), share)), abs=1e-2)
