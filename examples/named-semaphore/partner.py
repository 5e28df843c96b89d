"""The partner of main.mjs: waits for its turn, prints, and gives the turn back. Arguments: its own semaphore, the other's, how often."""

import ctypes
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.sem_open.restype = ctypes.c_void_p
for call in (libc.sem_wait, libc.sem_post):
    call.argtypes = [ctypes.c_void_p]

ours, theirs = (libc.sem_open(name.encode(), 0) for name in sys.argv[1:3])
if ours is None or theirs is None:
    sys.exit("there are no semaphores of these names")

for turn in range(1, int(sys.argv[3]) + 1):
    libc.sem_wait(ours)
    print(f"Python: {turn}", flush=True)
    libc.sem_post(theirs)
