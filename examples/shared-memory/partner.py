"""The partner of main.mjs: changes the list and doubles the numbers. Arguments: the name of the list, that of the memory."""

import sys
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import ShareableList, SharedMemory

items = ShareableList(name=sys.argv[1])
memory = SharedMemory(name=sys.argv[2])
# or else Python would remove, at its end, what it has only attached to
for attached in (items.shm, memory):
    resource_tracker.unregister(attached._name, "shared_memory")

print("Python:", *items, flush=True)
items[0] = "Hello"
items[1] += 41
items[4] = False

numbers = memory.buf.cast("d")
for index in range(len(numbers)):
    numbers[index] *= 2
numbers.release()
memory.close()
items.shm.close()
