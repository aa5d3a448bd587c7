"""The tests; they mirror ``service`` and ``training``."""

import os

# Before numpy is imported: with more threads than cores to spare everything is ten times slower.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
