"""CPython's side of bench/cases/struct-shared.mjs: a field of a structure, an item of a ShareableList."""

import ctypes
import json
import time
from multiprocessing.shared_memory import ShareableList
from multiprocessing.sharedctypes import RawValue

ROUNDS = 200_000


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double), ("n", ctypes.c_int)]


def field(point):
    for _ in range(ROUNDS):
        point.y += 1


def item(items):
    for i in range(ROUNDS):
        items[0] = items[0] + i


def report(metric, work, what):
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        work(what)
        best = min(best, time.perf_counter() - start)
    print(json.dumps({"metric": metric, "value": best / ROUNDS * 1e9}))


report("struct_field_ns", field, RawValue(Point))
items = ShareableList([1.5, "text", 7])
report("list_item_ns", item, items)
items.shm.close()
items.shm.unlink()
