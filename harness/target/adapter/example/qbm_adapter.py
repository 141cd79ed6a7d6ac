#!/usr/bin/env python3
"""An example adapter for qbm, protocol v1: dirty bitmaps of its own, written from the rules alone.

It reads one JSON object a line from stdin, answers each with one on stdout, and knows bitmaps, transactions,
resize and closing. The ids in the comments are those of the rules in spec/. README.md is the tutorial.
"""
import hashlib
import json
import sys

MAX_BITS = 2**40  # BMP-030
MAX_HASHED = 2**34  # beyond so many bits we leave the hash out: the protocol allows it
MAX_SIZE = 9223372035781033984  # REF-009


class Refused(Exception):
    """A command refuses. Holds the id of the error in the rules, and a text for people."""


class GuestError(Exception):
    """A guest's request fails. Holds the name of the errno."""


class Bitmap:
    def __init__(self, node, granularity, enabled):
        self.node, self.granularity, self.enabled = node, granularity, enabled
        self.bits = 0  # bit i is granule i
        self.busy = False  # only a transaction that is going to remove it makes it busy here

    def length(self, size=None):
        return -(-(self.node.size if size is None else size) // self.granularity)

    def mark(self, offset, length):  # BMP-006: outwards
        if length > 0:
            first, last = offset // self.granularity, (offset + length - 1) // self.granularity
            self.bits |= ((1 << (last - first + 1)) - 1) << first

    def areas(self):  # BMP-026: maximal runs, the last one cut at the end of the disk
        areas, bits, at = [], self.bits, 0
        while bits:
            clean = (bits & -bits).bit_length() - 1
            bits >>= clean
            dirty = (~bits & (bits + 1)).bit_length() - 1
            bits >>= dirty
            start, at = at + clean, at + clean + dirty
            offset = start * self.granularity
            areas.append((offset, min(at * self.granularity, self.node.size) - offset))
        return areas

    def sha256(self):  # BMP-028: whole 8-byte words, at least one
        words = max(1, -(-self.length() // 64))
        return hashlib.sha256(self.bits.to_bytes(words * 8, "little")).hexdigest()

    def observe(self, name):
        shown = {"name": name, "granularity": str(self.granularity),
                 "count": str(self.bits.bit_count() * self.granularity), "recording": self.enabled,
                 "busy": self.busy, "persistent": False, "inconsistent": False,
                 "dirty": [[str(offset), str(length)] for offset, length in self.areas()]}
        return shown if self.length() > MAX_HASHED else shown | {"sha256": self.sha256()}

    def saved(self):
        """What brings the bitmap back to how it is now."""
        before = dict(vars(self))
        return lambda: vars(self).update(before)


class Node:
    def __init__(self, size, driver, readOnly=False, discard="unmap"):  # named as in the request
        self.size = sectors(int(size))
        self.driver, self.read_only, self.discard = driver, readOnly, discard
        self.bitmaps = {}
        self.data = []  # what is not zero: (start, end, byte), ascending

    def check(self, offset, length, write, beyond):  # REF-005
        if write and self.read_only:
            raise GuestError("EPERM")
        if offset + length > self.size:
            raise GuestError(beyond)

    def fill(self, start, end, byte):
        kept = [(s, min(e, start), b) for s, e, b in self.data if s < start]
        kept += [(max(s, end), e, b) for s, e, b in self.data if e > end]
        self.data = sorted(kept + ([(start, end, byte)] if byte and start < end else []))

    def change(self, offset, length, byte):
        for bitmap in self.bitmaps.values():
            if bitmap.enabled:
                bitmap.mark(offset, length)
        if self.driver != "null-co":
            self.fill(offset, offset + length, byte)

    def mismatch(self, at, end, pattern):
        """The first byte in at..end that is not the pattern, and what it is."""
        for start, stop, byte in self.data + [(end, end, 0)]:
            if at < min(start, end) and pattern != 0:
                return at, 0
            if max(start, at) < min(stop, end) and byte != pattern:
                return max(start, at), byte
            at = max(at, stop)
        return None


def sectors(size):  # REF-004
    return -(-size // 512) * 512


class Adapter:
    def __init__(self):
        self.nodes = {}

    # Finding things

    def find(self, node, name):  # BMP-035
        if node not in self.nodes:
            raise Refused("REF-E-NODE-NOT-FOUND", f"Node '{node}' not found")
        if name not in self.nodes[node].bitmaps:
            raise Refused("BMP-E-NOT-FOUND", f"Dirty bitmap '{name}' not found")
        return self.nodes[node].bitmaps[name]

    def usable(self, bitmap):  # BMP-011; what is never stored is never readonly or inconsistent
        if bitmap.busy:
            raise Refused("BMP-E-BUSY", "Bitmap is currently in use by another operation and cannot be used")
        return bitmap

    # Actions: each is prepared, and answers what commits and what aborts it

    def bitmap_add(self, node, name, granularity="65536", persistent=False, disabled=False):  # BMP-034
        granularity = int(granularity)
        if name == "":
            raise Refused("BMP-E-NAME-EMPTY", "Bitmap name cannot be empty")
        if node not in self.nodes:
            raise Refused("REF-E-NO-SUCH", f"Cannot find device='{node}' nor node-name='{node}'")
        if granularity < 512 or granularity & (granularity - 1):
            raise Refused("BMP-E-GRANULARITY", "Granularity must be power of 2 and at least 512")
        if persistent:
            raise Refused("BMP-E-PERSISTENT", f"Can't store persistent bitmaps to {node}")
        bitmaps = self.nodes[node].bitmaps
        if name in bitmaps:
            raise Refused("BMP-E-EXISTS", f"Bitmap already exists: {name}")
        if len(name.encode("utf-8", "surrogatepass")) > 1023:
            raise Refused("BMP-E-NAME-LONG", f"Bitmap name too long: {name}")
        bitmap = Bitmap(self.nodes[node], granularity, not disabled)
        if bitmap.length() > MAX_BITS:
            raise Refused("BMP-E-TOO-LARGE", f"A bitmap of {bitmap.length()} bits is too large")
        bitmaps[name] = bitmap
        return None, lambda: bitmaps.pop(name)

    def bitmap_remove(self, node, name):  # TXN-006: out of reach now, gone when committed
        bitmap = self.usable(self.find(node, name))
        abort, bitmap.busy = bitmap.saved(), True
        return lambda: self.nodes[node].bitmaps.pop(name), abort

    def change_state(self, node, name, **state):
        bitmap = self.usable(self.find(node, name))
        abort = bitmap.saved()
        vars(bitmap).update(state)
        return None, abort

    def bitmap_clear(self, node, name):
        return self.change_state(node, name, bits=0)

    def bitmap_enable(self, node, name):
        return self.change_state(node, name, enabled=True)

    def bitmap_disable(self, node, name):
        return self.change_state(node, name, enabled=False)

    def bitmap_merge(self, node, target, bitmaps):  # BMP-020: all checks of one source, then the next
        into, areas = self.find(node, target), []
        for each in bitmaps:
            source = self.find(node, each) if isinstance(each, str) else self.find(**each)
            self.usable(into)
            self.usable(source)
            if into.node.size != source.node.size:
                raise Refused("BMP-E-SIZE", f"{into.node.size} bytes and {source.node.size} bytes")
            areas += source.areas()
        abort = into.saved()
        for offset, length in areas:  # BMP-019, BMP-021
            into.mark(offset, length)
        return None, abort

    def abort(self):
        raise Refused("TXN-E-ABORT", "Transaction aborted using Abort action")

    ACTIONS = {"bitmap-add": bitmap_add, "bitmap-remove": bitmap_remove, "bitmap-clear": bitmap_clear,
               "bitmap-enable": bitmap_enable, "bitmap-disable": bitmap_disable,
               "bitmap-merge": bitmap_merge, "abort": abort}

    def transaction(self, actions):  # TXN-001 to TXN-003; a command is a transaction of one action
        if any(int(action.get("granularity", 0)) >= 2**32 for action in actions):  # TXN-011, BMP-003
            raise Refused("QMP-E-RANGE", "Parameter 'granularity' expects uint32_t")
        done = []
        try:
            for action in actions:
                arguments = {key: value for key, value in action.items() if key != "op"}
                done.append(self.ACTIONS[action["op"]](self, **arguments))
        except Refused:
            for _, abort in reversed(done):
                abort()
            raise
        for commit, _ in done:
            if commit:
                commit()

    # Other operations

    def resize(self, node, size):  # REF-009, BMP-023
        if node not in self.nodes:
            raise Refused("REF-E-NO-SUCH", f"Cannot find device='{node}' nor node-name='{node}'")
        node, size = self.nodes[node], int(size)
        if size < 0:
            raise Refused("REF-E-SIZE-POSITIVE", "Parameter 'size' expects a >0 size")
        if size > MAX_SIZE:
            raise Refused("REF-E-SIZE-MAXIMUM", f"offset({size}) exceeds maximum({MAX_SIZE})")
        if node.read_only:
            raise Refused("REF-E-READ-ONLY", "Image is read-only")
        if node.driver == "null-co":
            raise Refused("REF-E-NO-RESIZE", "Image format driver does not support resize")
        for bitmap in node.bitmaps.values():
            if bitmap.length(sectors(size)) > max(MAX_BITS, bitmap.length()):
                raise Refused("BMP-E-TOO-LARGE", f"A bitmap of {bitmap.length(size)} bits is too large")
        node.fill(size, max(size, node.size), 0)
        node.size = sectors(size)
        for bitmap in node.bitmaps.values():
            bitmap.bits &= (1 << bitmap.length()) - 1

    def guest(self, op, node, offset, length, pattern=None, **_):
        if node not in self.nodes:
            raise GuestError("ENODEV")
        node, offset, length = self.nodes[node], int(offset), int(length)
        node.check(offset, length, op != "read", "ENOSPC" if op in ("write", "zero") else "EINVAL")
        if op == "read" and pattern is not None:
            found = node.mismatch(offset, offset + length, pattern)
            return {"mismatch": {"at": str(found[0]), "found": found[1]}} if found else None
        if op in ("write", "zero"):
            node.change(offset, length, pattern or 0)
        if op == "discard" and node.discard == "unmap" and node.driver != "null-co":  # BMP-007
            node.change(offset, length, 0)
        return None

    def operation(self, op):
        """One operation of `apply`, and what became of it."""
        try:
            arguments = {key: value for key, value in op.items() if key != "op"}
            if op["op"] == "transaction":
                self.transaction(**arguments)
            elif op["op"] in self.ACTIONS:
                self.transaction([op])
            elif op["op"] == "resize":
                self.resize(**arguments)
            elif op["op"] in ("read", "write", "zero", "discard"):
                return self.guest(**op) or {"ok": True}
            elif op["op"] == "flush":
                return {"ok": True} if op["node"] in self.nodes else {"errno": "ENODEV"}
            else:
                return {"skipped": True, "reason": f"no operation {op['op']}"}
            return {"ok": True}
        except GuestError as error:
            return {"errno": str(error)}
        except Refused as error:
            return {"error": error.args[0], "message": error.args[1]}

    # Requests

    def hello(self, protocol):
        return {"protocol": 1, "name": "qbm example adapter", "version": "1",
                "capabilities": ["bitmap", "transaction", "resize", "close", "io", "driver:null-co"]}

    def reset(self):
        self.nodes = {}

    def open(self, node, **options):
        if node in self.nodes:
            raise Refused("REF-E-NAME-TAKEN", f"Duplicate nodes with node-name='{node}'")
        self.nodes[node] = Node(**options)

    def close(self, node):  # REF-003
        if node not in self.nodes:
            raise Refused("REF-E-NO-NODE", f"Failed to find node with node-name='{node}'")
        del self.nodes[node]

    def apply(self, ops):
        return {"results": [self.operation(op) for op in ops]}

    def observe(self, node):
        if node not in self.nodes:
            raise Refused("REF-E-NODE-NOT-FOUND", f"Node '{node}' not found")
        found = self.nodes[node]
        bitmaps = [bitmap.observe(name) for name, bitmap in found.bitmaps.items()]
        return {"size": str(found.size), "bitmaps": bitmaps}

    def bye(self):
        return None

    def answer(self, seq, cmd, **arguments):
        try:
            return {"seq": seq, **(getattr(self, cmd)(**arguments) or {"ok": True})}
        except Refused as error:
            return {"seq": seq, "error": error.args[0], "message": error.args[1]}


def main():
    adapter = Adapter()
    for line in sys.stdin.buffer:  # bytes: the locale must not decide how they are read
        request = json.loads(line)
        print(json.dumps(adapter.answer(**request)), flush=True)  # a line at once, whatever stdout is
        if request["cmd"] == "bye":
            return


if __name__ == "__main__":
    main()
