"""How many threads OpenBLAS has, before, inside and after; seen in a process of its own, where it may have two."""

import subprocess
import sys

PROGRAM = """
import threading
from vqvae_jax.entropy.blas import _openblas, one_blas_thread
found = _openblas()
if found is None:
    print("another BLAS")
    raise SystemExit
get, put = found
put(2)
seen = [get()]

@one_blas_thread()
def inside():
    seen.append(get())
    with one_blas_thread():
        other = threading.Thread(target=lambda: one_blas_thread()(lambda: seen.append(get()))())
        other.start()
        other.join()
    seen.append(get())

inside()
seen.append(get())
try:
    with one_blas_thread():
        raise KeyError
except KeyError:
    seen.append(get())
print(seen)
"""


def test_products_have_one_thread_inside_and_as_many_as_before_afterwards():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.stdout.strip() in ("[2, 1, 1, 1, 2, 2]", "another BLAS"), done.stderr
