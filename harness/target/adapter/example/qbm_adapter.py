"""An example adapter for qbm, protocol v1: a little implementation of dirty bitmaps, written from the rules.

It answers each line of JSON on stdin with one on stdout: see README.md. BMP-030 and the like are rules."""
import hashlib
import json
import sys

from qbm_format import Images

MAX_BITS = 2**32  # BMP-030 has 2^40, and allows less where memory is short
CHANGES = {"bitmap-remove": {"busy": True}, "bitmap-clear": {"bits": 0},  # TXN-006: busy first, then gone
           "bitmap-enable": {"enabled": True}, "bitmap-disable": {"enabled": False}}


class Refused(Exception):
    """A command refuses, with an error of the rules."""


def refuse(condition, error):
    if condition:
        raise Refused(error)


def attempt(function, **arguments):
    try:
        return function(**arguments) or {"ok": True}
    except Refused as refusal:
        return {"error": str(refusal)}


def pieces(size, unit):
    return -(-size // unit)


class Bitmap:
    def __init__(self, disk, granularity, enabled):
        self.disk, self.granularity, self.enabled, self.busy = disk, granularity, enabled, False
        self.bits = 0  # bit i is granule i

    def mark(self, start, end):  # BMP-006: outwards
        if start < end:
            self.bits |= (1 << pieces(end, self.granularity)) - (1 << start // self.granularity)

    def areas(self):  # BMP-026, each as start and end
        bits = self.bits
        while bits:
            start = (bits & -bits).bit_length() - 1
            bits += 1 << start  # the carry runs through the ones, and stops where they do
            end = (bits & -bits).bit_length() - 1
            bits -= 1 << end
            yield start * self.granularity, min(end * self.granularity, self.disk.size)

    def observe(self, name):
        words = max(1, pieces(self.disk.size, 64 * self.granularity))  # BMP-028
        return {
            "name": name, "granularity": str(self.granularity), "recording": self.enabled, "busy": self.busy,
            "persistent": False, "inconsistent": False,  # nothing is ever stored
            "count": str(self.bits.bit_count() * self.granularity),  # BMP-005
            "dirty": [[str(start), str(end - start)] for start, end in self.areas()],
            "sha256": hashlib.sha256(self.bits.to_bytes(8 * words, "little")).hexdigest(),
        }


class Disk:
    def __init__(self, size, driver, readOnly=False, discard="unmap"):  # the names are the protocol's
        self.size, self.read_only, self.null = pieces(int(size), 512) * 512, readOnly, driver == "null-co"
        self.discards = discard == "unmap" and not self.null  # BMP-007
        self.bitmaps = {}
        self.reached = self.resized = [self]  # by what a guest does here; with this disk


class Adapter(Images):  # which has load, inspect and check
    def disk(self, node, error="REF-E-NO-SUCH"):
        refuse(node not in self.disks, error)
        return self.disks[node]

    def find(self, node, name):  # BMP-035
        refuse(name not in self.disk(node, "REF-E-NODE-NOT-FOUND").bitmaps, "BMP-E-NOT-FOUND")
        return self.disks[node].bitmaps[name]

    def prepare(self, op, node=None, name=None, **more):  # TXN-001: does it, and returns what undoes it
        refuse(op == "abort", "TXN-E-ABORT")
        if op == "bitmap-add":
            return self.add(node, name, **more)
        if op == "bitmap-merge":
            return self.merge(node, **more)
        bitmap = self.find(node, name)
        refuse(bitmap.busy, "BMP-E-BUSY")
        before = dict(vars(bitmap))
        vars(bitmap).update(CHANGES[op])
        return lambda: vars(bitmap).update(before)

    def add(self, node, name, granularity="65536", persistent=False, disabled=False):  # BMP-034
        refuse(name == "", "BMP-E-NAME-EMPTY")
        disk, granularity = self.disk(node), int(granularity)
        refuse(granularity < 512 or granularity.bit_count() != 1, "BMP-E-GRANULARITY")
        refuse(persistent, "BMP-E-PERSISTENT")
        refuse(name in disk.bitmaps, "BMP-E-EXISTS")
        refuse(len(name.encode()) > 1023, "BMP-E-NAME-LONG")
        refuse(pieces(disk.size, granularity) > MAX_BITS, "BMP-E-TOO-LARGE")
        disk.bitmaps[name] = Bitmap(disk, granularity, not disabled)
        return lambda: disk.bitmaps.pop(name)

    def merge(self, node, target, bitmaps):  # BMP-020: everything about a source before the next one
        into, areas = self.find(node, target), []
        before = into.bits
        for each in bitmaps:
            source = self.find(node, each) if isinstance(each, str) else self.find(**each)
            refuse(into.busy or source.busy, "BMP-E-BUSY")
            refuse(into.disk.size != source.disk.size, "BMP-E-SIZE")
            areas += source.areas()
        for start, end in areas:  # BMP-019, and BMP-021: nothing can fail any more
            into.mark(start, end)
        return lambda: vars(into).update(bits=before)

    def transaction(self, actions):
        for action in actions:  # TXN-011, BMP-003
            refuse(int(action.get("granularity", 0)) >= 2**32, "QMP-E-RANGE")
        undo = []
        try:
            for action in actions:
                undo.append(self.prepare(**action))
        except Refused:
            for each in reversed(undo):
                each()
            raise
        for disk in self.disks.values():  # only what is to be removed is busy here
            disk.bitmaps = {name: each for name, each in disk.bitmaps.items() if not each.busy}

    def resize(self, node, size):  # REF-009, BMP-023
        disk, size = self.disk(node), int(size)
        bitmaps = [bitmap for each in disk.resized for bitmap in each.bitmaps.values()]
        refuse(size < 0, "REF-E-SIZE-POSITIVE")
        refuse(size > 9223372035781033984, "REF-E-SIZE-MAXIMUM")
        refuse(disk.read_only, "REF-E-READ-ONLY")
        refuse(disk.null, "REF-E-NO-RESIZE")
        refuse(any(pieces(size, each.granularity) > MAX_BITS for each in bitmaps), "BMP-E-TOO-LARGE")
        for each in disk.resized:
            each.size = pieces(size, 512) * 512
        for bitmap in bitmaps:
            bitmap.bits &= (1 << pieces(size, bitmap.granularity)) - 1

    def guest(self, op, node, offset="0", length="0", pattern=None, **_):  # REF-005
        disk, start, end = self.disks.get(node), int(offset), int(offset) + int(length)
        if disk is None:
            return {"errno": "ENODEV"}
        if disk.read_only and op in ("write", "zero", "discard"):
            return {"errno": "EPERM"}
        if end > disk.size:
            return {"errno": "ENOSPC" if op in ("write", "zero") else "EINVAL"}
        if op == "read" and pattern is not None:
            return {"skipped": True, "reason": "no data is kept, only bitmaps"}
        if op in ("write", "zero") or (op == "discard" and disk.discards):
            for bitmap in [one for each in disk.reached for one in each.bitmaps.values() if one.enabled]:
                bitmap.mark(start, end)
        return {"ok": True}

    def operation(self, op, **arguments):
        if op in ("read", "write", "zero", "discard", "flush"):
            return self.guest(op, **arguments)
        if op in CHANGES or op in ("bitmap-add", "bitmap-merge"):  # a command is a transaction of one action
            return attempt(self.transaction, actions=[{"op": op, **arguments}])
        if op in ("transaction", "resize"):
            return attempt(getattr(self, op), **arguments)
        return {"skipped": True, "reason": f"cannot do {op}"}

    def hello(self, protocol):  # from here on: the requests
        can = ["bitmap", "transaction", "resize", "close", "io", "driver:null-co", "format"]
        return {"protocol": 1, "name": "qbm example adapter", "version": "1", "capabilities": can}

    def reset(self):
        self.disks, self.files = {}, {}

    bye = reset

    def open(self, node, **options):
        refuse(node in self.disks, "REF-E-NAME-TAKEN")
        disk = self.disks[node] = Disk(**options)
        if not disk.null:  # a format is over a file, which is a node, too
            below = self.disks[node + "-file"] = Disk(**{**options, "discard": "unmap"})
            disk.reached = disk.resized = below.resized = [disk, below]

    def close(self, node):  # REF-003
        gone = self.disk(node, "REF-E-NO-NODE").resized
        refuse(self.disks[node] is not gone[0], "REF-E-NOT-MONITOR")
        self.disks = {name: each for name, each in self.disks.items() if each not in gone}

    def apply(self, ops):
        return {"results": [self.operation(**op) for op in ops]}

    def observe(self, node):
        bitmaps = [bitmap.observe(name) for name, bitmap in self.disk(node).bitmaps.items()]
        return {"size": str(self.disks[node].size), "bitmaps": bitmaps}


adapter = Adapter()
for line in sys.stdin.buffer:
    request = json.loads(line)
    seq, cmd = request.pop("seq"), request.pop("cmd")
    print(json.dumps({"seq": seq, **attempt(getattr(adapter, cmd), **request)}), flush=True)
    if cmd == "bye":
        break
