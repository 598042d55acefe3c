"""No verdict rests on seconds: a property is true of an example however long a busy machine takes over it."""

import os

from hypothesis import settings

# Shapes are tiny and programs many: most of the time would go into optimising machine code that runs for milliseconds.
# Set before JAX is imported; programs that tests start inherit it.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=1".strip()

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
