"""A FUSE file system that stops answering: what a dead file server looks like to those who read from it.

    hanging_fs.py MOUNTPOINT PROGRAM

Mounts a file system with two files: `program`, which has the content of PROGRAM, and `page`. Speaks the protocol of
/dev/fuse itself (linux/fuse.h), so nothing needs to be installed; needs root. Says `mounted` once both can be used.

Falls silent, and says so, when a line comes in on standard input, or when it has failed one read of `page`: the kernel
then reads again, holding the lock of the memory that `page` is mapped into. Silent means that no request is taken
any more, so whoever waits can still be killed. At the end of standard input it unmounts and ends, and the kernel fails
whatever still waits.
"""

import ctypes
import errno
import os
import select
import stat
import struct
import sys

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, INIT = 1, 2, 3, 14, 15, 17, 18, 26
INTERRUPT, BATCH_FORGET = 36, 42
ROOT, PROGRAM, PAGE = 1, 2, 3
NODES = {b"program": PROGRAM, b"page": PAGE}
PAGE_BYTES = 4096
FOREVER_S = 1 << 31
MNT_DETACH = 2


class HangingFs:
    def __init__(self, device, program):
        self.device = device
        self.contents = {PROGRAM: program, PAGE: bytes(PAGE_BYTES)}

    def attributes(self, node):
        """`struct fuse_attr`."""
        mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o755
        size = len(self.contents.get(node, b""))
        return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, PAGE_BYTES, 0)

    def answer(self, opcode, node, body):
        """The answer to a request, or the number of an error; `None` where the kernel expects nothing."""
        if opcode == INIT:
            # Version 7.31 without any optional feature; `struct fuse_init_out`.
            return struct.pack("<4I2H2I36x", 7, 31, 0, 0, 1, 1, PAGE_BYTES, 1)
        if opcode == LOOKUP:
            found = NODES.get(body.rstrip(b"\0"))
            if found is None:
                return errno.ENOENT
            return struct.pack("<4Q2I", found, 0, FOREVER_S, FOREVER_S, 0, 0) + self.attributes(found)
        if opcode == GETATTR:
            return struct.pack("<Q2I", FOREVER_S, 0, 0) + self.attributes(node)
        if opcode == OPEN:
            return bytes(16)
        if opcode == READ:
            offset, size = struct.unpack_from("<8xQI", body)
            return errno.EIO if node == PAGE else self.contents[node][offset:offset + size]
        if opcode == STATFS:
            return struct.pack("<5Q4I24x", 0, 0, 0, 2, 0, PAGE_BYTES, 255, PAGE_BYTES, 0)
        if opcode == RELEASE:
            return b""
        # After this answer the kernel never asks again, FLUSH above all: an exit would wait for its answer.
        return None if opcode in (FORGET, BATCH_FORGET, INTERRUPT) else errno.ENOSYS

    def serve_one(self):
        """Serves one request; whether it was a read of `page`."""
        request = os.read(self.device, 1 << 20)
        opcode, unique, node = struct.unpack_from("<IQQ", request, 4)
        answer = self.answer(opcode, node, request[40:])
        if answer is not None:
            error, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
            os.write(self.device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)
        return (opcode, node) == (READ, PAGE)

    def serve(self):
        """Serves until it is to fall silent; whether it is to end instead."""
        while True:
            ready, _, _ = select.select([self.device, 0], [], [])
            if 0 in ready:
                return os.read(0, 1) == b""
            if self.serve_one():
                return False


def main():
    mountpoint, program = sys.argv[1:]
    with open(program, "rb") as file:
        content = file.read()
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        sys.exit(f"failed to open /dev/fuse: {error.strerror}")
    options = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % device
    if libc.mount(b"hanging", mountpoint.encode(), b"fuse", 0, options) != 0:
        sys.exit(f"failed to mount {mountpoint}: {os.strerror(ctypes.get_errno())}")
    try:
        fs = HangingFs(device, content)
        fs.serve_one()  # INIT, which the kernel asks first
        print("mounted", flush=True)
        if not fs.serve():
            print("silent", flush=True)
            while os.read(0, 64):
                pass
    finally:
        libc.umount2(mountpoint.encode(), MNT_DETACH)


main()
