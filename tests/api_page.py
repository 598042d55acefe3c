"""Makes docs/api.md of the docstrings of everything public: `python -m tests.api_page > docs/api.md`."""

import inspect
import re
import textwrap
from collections.abc import Iterator

import vqvae_jax

SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises")
ORDER = ("load", "models", "Model", "Level", "encode_video", "decode_video", "iter_video", "UserError")


def page() -> str:
    """The whole page."""
    title, code, rest = re.split(r"\n\n(?=    |\w)", inspect.cleandoc(vqvae_jax.__doc__ or ""), maxsplit=2)
    code, _, rest = f"{code}\n\n{rest}".partition("\n\nEverything")
    lines = ["# The Python interface", "", title, "", "```python", textwrap.dedent(code), "```", ""]
    lines += [f"Everything{rest}", "", "Made of the docstrings by `python -m tests.api_page`; a test compares."]
    assert set(ORDER) == set(vqvae_jax.__all__)
    for name in ORDER:
        lines += ["", *described(getattr(vqvae_jax, name), name, "##")]
    return "\n".join(lines) + "\n"


def described(thing: object, name: str, level: str) -> Iterator[str]:
    """Heading, signature and docstring; of a class, its public methods too."""
    yield from (f"{level} {name}", "")
    if inspect.isfunction(thing):
        yield from ("```", signature(thing), "```", "")
    elif issubclass(thing, tuple):
        yield from ("```", inspect.getsource(thing).rstrip(), "```")
        return
    yield from markdown(inspect.getdoc(thing) or "")
    if inspect.isclass(thing):
        for method, function in vars(thing).items():
            if not method.startswith("_") and inspect.isfunction(function):
                yield from ("", *described(function, f"{name}.{method}", level + "#"))


def signature(function: object) -> str:
    """As it stands in the source, less `self`."""
    source = textwrap.dedent(inspect.getsource(function))
    found = re.match(r"def (\w+\(.*?\) -> .*?):\n", source, re.DOTALL)
    assert found is not None
    return re.sub(r"\(\s*self(, )?\s*", lambda m: "(\n    " if "\n" in m[0] else "(", found[1])


def markdown(docstring: str) -> Iterator[str]:
    """Sections as lists; the rest as it is."""
    in_section = ""
    for line in docstring.splitlines():
        if line.removesuffix(":") in SECTIONS and line.endswith(":"):
            in_section = line.removesuffix(":")
            yield from (f"**{in_section}**", "")
        elif not in_section or not line:
            yield line
        elif re.match(r"  \w+: ", line) and in_section not in ("Returns", "Yields"):
            name, _, text = line.strip().partition(": ")
            yield f"- `{name}`: {text}"
        else:
            yield ("  " if in_section not in ("Returns", "Yields") else "") + line.strip()


if __name__ == "__main__":
    print(page(), end="")
