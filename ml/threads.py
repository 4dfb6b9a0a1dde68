"""Numeric work on one BLAS thread.

The matrices here are small, so threads mostly wait for each other: a fit of the starter took 12 s on four and 3.3 s on
one. And the order of a sum no longer depends on the number of cores.
"""

from threadpoolctl import threadpool_limits

ONE_THREAD = threadpool_limits.wrap(limits=1)
