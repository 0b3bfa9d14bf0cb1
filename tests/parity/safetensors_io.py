"""Reads and writes safetensors files with NumPy alone: 8 bytes of header length, a JSON header, the bytes."""

import json
import struct

import numpy

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "|u1"}


def save(path, tensors):
    header, data = {}, b""
    names = {numpy.dtype(code).str: name for name, code in TYPES.items()}
    for name, values in tensors.items():
        values = numpy.asarray(values, order="C")
        begin = len(data)
        data += values.tobytes()
        header[name] = {
            "dtype": names[values.dtype.str],
            "shape": list(values.shape),
            "data_offsets": [begin, len(data)],
        }
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def load(path):
    content = open(path, "rb").read()
    (length,) = struct.unpack("<Q", content[:8])
    data = content[8 + length :]
    tensors = {}
    for name, entry in json.loads(content[8 : 8 + length]).items():
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[begin:end], dtype=TYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors
