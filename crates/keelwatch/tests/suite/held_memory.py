"""A process that cannot be read: the lock of its memory is held for good.

    held_memory.py PAGE

PAGE lies on a file system that fails the first read of it and never answers the second one. The kernel waits for the
first with the lock released and for the second with the lock held; then nobody who wants to change the memory gets
on, and behind whoever waits to change it nobody gets on who wants to read it: not /proc/<pid>/cmdline either.
"""

import ctypes
import os
import sys
import threading

PAGE_BYTES = 4096
PROT_READ, MAP_PRIVATE, MAP_ANONYMOUS = 1, 2, 32

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]


def anonymous():
    return libc.mmap(None, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)


file = os.open(sys.argv[1], os.O_RDONLY)
page = libc.mmap(None, PAGE_BYTES, PROT_READ, MAP_PRIVATE, file, 0)
# While the file system still answers: at exit it does not.
os.close(file)
threading.Thread(target=libc.memcmp, args=(page, anonymous(), PAGE_BYTES), daemon=True).start()
while True:
    libc.munmap(anonymous(), PAGE_BYTES)
