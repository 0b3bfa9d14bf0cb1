"""No document still has a placeholder for a figure that was to be measured: `@@FIGURE: what to measure@@`."""

import os
import pathlib
import sys

PLACEHOLDER = "@@FIGURE"


def documents(root):
    """The Markdown files of the tree; hidden folders (.git) and builds are none of its documents."""
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith(".") and name != "build")
        yield from (pathlib.Path(folder) / name for name in sorted(files) if name.endswith(".md"))


def main():
    root = pathlib.Path(os.environ["TRAINYARD_SOURCE_DIR"])
    paths = list(documents(root))
    if root / "README.md" not in paths:
        print(f"no README.md in {root}: TRAINYARD_SOURCE_DIR is not the project's root")
        return 1
    found = [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if PLACEHOLDER in line
    ]
    print("\n".join(found) if found else f"{len(paths)} documents, no figure is missing")
    return 1 if found else 0


sys.exit(main())
