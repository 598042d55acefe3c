"""No verdict rests on seconds: a property is true of an example however long a busy machine takes over it."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
