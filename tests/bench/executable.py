"""The programs that a bench is given on its command line."""

import argparse
import os
import pathlib


def executable(text):
    """argparse's type of such an argument: the absolute path, refused where it is none that can be run."""
    path = pathlib.Path(text)
    if not path.is_file() or not os.access(path, os.X_OK):
        raise argparse.ArgumentTypeError(f"{text} is not a program")
    return path.resolve()
