"""Reads QBM images, version 1, for the example adapter: written from spec/qbm/FORMAT.md.

Images has the requests load, inspect and check of protocol v1. QBM-021 and the like are rules."""
import base64
import hashlib
import json
import posixpath
import re
import urllib.parse

MAX_LENGTH, MAX_DEPTH, MAX_BITMAPS, MAX_LEVELS = 1048576, 32, 256, 64  # QBM-003, QBM-017
MAX_SIZE, MAX_BITS = 2**53 - 1, 2**40  # QBM-018, QBM-021
FORMATS = "raw", "qbm"  # QBM-040, and this reader knows no more
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")  # QBM-016
BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)  # or a string, to skip what is in it
SHA256 = re.compile("sha256:[0-9a-f]{64}")  # QBM-030
IN_USE, INCONSISTENT = "ext-hard-qbm-in-use", "ext-hard-qbm-inconsistent"
RECORDING, CHECKSUM = "ext-soft-qbm-recording", "ext-soft-qbm-checksum"
BITMAP_NAME = (r"\.((?:[a-z0-9_-]|%[0-9a-f]{2})+|%%[0-9a-f]{64})(?:~[2-9]|~[1-9][0-9])?"
               r"\.(?:dirty|allocation)\.bitmap")  # QBM-024 to QBM-026, after the prefix


class Refused(Exception):
    """An image is refused, with an error of the rules."""


def refuse(condition, error):
    if condition:
        raise Refused(error)

def pairs(members):  # QBM-005: names are compared as they are after their escapes
    refuse(len(dict(members)) < len(members), "QBM-E-JSON")
    return dict(members)


def is_escaped(text):  # QBM-018, QBM-025: whether a bitmap can have the name that was written so
    name = urllib.parse.unquote_to_bytes(text).decode("utf-8", "replace")
    again = re.sub("[^a-z0-9_-]", lambda c: "".join(f"%{byte:02x}" for byte in c[0].encode()), name)
    return text.startswith("%%") or (again == text and not CONTROL.search(name))


def no_number(text):  # NaN and Infinity, which Python takes
    raise Refused("QBM-E-JSON")

def integer(text):  # int() refuses thousands of digits; of these, too, no 25 are right anywhere
    return int(text[:25])


def parse(data):
    """QBM-004: the value of a strict JSON text."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("QBM-E-ENCODING")
    depth = 0
    for found in BRACKET.finditer(text):  # before Python recurses
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        refuse(depth > MAX_DEPTH, "QBM-E-JSON")
    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=no_number, parse_int=integer)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # fails at a lone surrogate
    except ValueError:
        raise Refused("QBM-E-JSON")
    return value

class Members:
    """The members of an object of the format: QBM-009, QBM-010, QBM-011."""

    def __init__(self, value, names, optional=(), known=(), extensible=True):
        refuse(type(value) is not dict, "QBM-E-TYPE")
        for key in value:
            if extensible and key.startswith("ext-soft-"):
                continue
            refuse(extensible and key.startswith("ext-hard-") and key not in known, "QBM-E-EXT-HARD")
            refuse(key not in (*names, *optional, *known), "QBM-E-KEY")
        refuse(any(name not in value for name in names), "QBM-E-MISSING")
        self.value = value

    def get(self, key, kind, default=None):
        value = self.value.get(key, default)
        refuse(key in self.value and type(value) is not kind, "QBM-E-TYPE")  # so true is no integer
        return value


class Reference:
    """A file that a descriptor names, with what is said about it: QBM-016, QBM-030."""

    def __init__(self, members, local, bitmap=None):
        self.file, self.bitmap = members.get("file", str), bitmap
        parts = self.file.removeprefix("/").split("/")
        refuse(len(self.file.encode()) > 4095, "QBM-E-FILE")
        refuse(any(part in ("", ".", "..") or len(part.encode()) > 255 for part in parts), "QBM-E-FILE")
        refuse(CONTROL.search(self.file) or "\\" in self.file or ":" in self.file.split("/")[0], "QBM-E-FILE")
        refuse(self.file.startswith("/") and not local, "QBM-E-TRUST")
        self.checksum = members.get(CHECKSUM, str)
        refuse(self.checksum is not None and not SHA256.fullmatch(self.checksum), "QBM-E-EXTENSION")


class Image(Reference):
    """A data image or a backing file: QBM-014, QBM-015."""

    def __init__(self, value, local):
        members = Members(value, ("file", "format"))
        super().__init__(members, local)
        self.format = members.get("format", str)
        refuse(self.format not in FORMATS, "QBM-E-FORMAT")


class Bitmap(Reference):
    """QBM-018 to QBM-020, QBM-022, QBM-028, QBM-029."""

    def __init__(self, name, value, local):
        refuse(not 1 <= len(name.encode()) <= 1023 or CONTROL.search(name), "QBM-E-NAME")
        members = Members(value, ("file", "granularity-bytes", "type"), ("backing",), (INCONSISTENT,))
        super().__init__(members, local, name)
        self.granularity, self.type = members.get("granularity-bytes", int), members.get("type", str)
        refuse(not 512 <= self.granularity <= 2**31 or self.granularity.bit_count() != 1, "QBM-E-GRANULARITY")
        refuse(self.type not in ("dirty", "allocation"), "QBM-E-BITMAP-TYPE")
        self.recording = members.get(RECORDING, bool, True)
        self.inconsistent = self.may_be_missing = members.get(INCONSISTENT, bool, False)
        self.dirty, self.bits, self.backing = self.type == "dirty", 0, None
        refuse(not self.dirty and (self.inconsistent or not self.recording), "QBM-E-EXTENSION")
        if "backing" in members.value:
            refuse(self.dirty, "QBM-E-BACKING")
            self.backing = Image(members.value["backing"], local)

    def inspect(self, size):
        ones = [each.span() for each in re.finditer("1+", bin(self.bits)[:1:-1])]  # bit 0 first
        areas = [(start * self.granularity, min(end * self.granularity, size)) for start, end in ones]
        areas = None if self.inconsistent else [[str(start), str(end - start)] for start, end in areas]
        return {"name": self.bitmap, "type": self.type, "granularity": str(self.granularity),
                "recording": self.recording and not self.inconsistent, "inconsistent": self.inconsistent,
                "areas": areas}


class Descriptor:
    """What a descriptor says, without a look at any other file."""

    def __init__(self, data, local):
        outer = parse(data)
        refuse(type(outer) is not dict or list(outer) != ["QBM"], "QBM-E-NOT-QBM")
        refuse(type(outer["QBM"]) is not dict, "QBM-E-NOT-QBM")
        version = outer["QBM"].get("version", 1)  # QBM-007
        refuse(type(version) is not int, "QBM-E-TYPE")
        refuse(version != 1, "QBM-E-VERSION")
        members = Members(outer["QBM"], ("version", "image", "bitmaps"), (), (IN_USE,))
        bitmaps = members.get("bitmaps", dict)
        refuse(len(bitmaps) > MAX_BITMAPS, "QBM-E-TOO-MANY")
        self.image = Image(members.value["image"], local)
        self.bitmaps = [Bitmap(name, value, local) for name, value in bitmaps.items()]
        refuse(sum(not each.dirty for each in self.bitmaps) > 1, "QBM-E-ALLOCATION")
        self.backing = next((each.backing for each in self.bitmaps if each.backing), None)
        self.in_use = IN_USE in members.value
        if self.in_use:  # QBM-027
            marker = Members(members.value[IN_USE], ("policy", "writer"), extensible=False)
            policy, writer = marker.get("policy", str), marker.get("writer", str)
            refuse(policy not in ("writeback", "writethrough"), "QBM-E-EXTENSION")
            refuse(len(writer.encode()) > 1023, "QBM-E-EXTENSION")
            for bitmap in self.bitmaps:
                bitmap.inconsistent |= bitmap.dirty and policy == "writeback"

    def files(self):
        return [self.image, *self.bitmaps, *([self.backing] if self.backing else [])]

class File:
    def __init__(self, name, content=None, size="0"):  # the protocol's names; without content it is zeros
        self.content = None if content is None else base64.b64decode(content)
        self.size = int(size) if content is None else len(self.content)

    def read(self, start, end):
        return bytes(end - start) if self.content is None else self.content[start:end]

    def checksum(self):
        digest = hashlib.sha256()
        for start in range(0, self.size, 2**20):
            digest.update(self.read(start, min(start + 2**20, self.size)))
        return "sha256:" + digest.hexdigest()


class Opening:
    """One look at an image and all that it reaches. What opens has no finding that is an error (QBM-042)."""

    def __init__(self, files, name, trust, checksums=None):
        self.files, self.local, self.checksums = files, trust == "local", checksums
        self.findings, self.descriptor, self.size = [], None, None
        self.used = {name, name + ".new"}  # QBM-017
        try:
            self.descriptor, self.size = self.open(name, [])
        except Refused as refusal:
            self.find(str(refusal))

    def find(self, error, severity="error", bitmap=None):
        about = {} if bitmap is None else {"bitmap": bitmap}
        self.findings.append({"id": error, "severity": severity, **about})

    def file(self, path, bitmap=None):
        """The file of this name, or None if it has none that may be opened: QBM-040, QBM-041."""
        parts = path.split("/")
        if any("/".join(parts[:end]) in self.files for end in range(1, len(parts))):  # on the way
            self.find("QBM-E-NO-FILE" if self.local else "QBM-E-TRUST", bitmap=bitmap)
        elif any(name.startswith(path + "/") for name in self.files):
            self.find("QBM-E-NOT-REGULAR", bitmap=bitmap)
        elif path not in self.files:
            self.find("QBM-E-NO-FILE", bitmap=bitmap)
        return self.files.get(path)

    def open(self, path, outer):
        """The descriptor of this name, and the size of its disk, or None."""
        refuse(len(outer) >= MAX_LEVELS, "QBM-E-LEVELS")
        outer, file = [*outer, path], self.file(path)
        if file is None:
            return None, None
        refuse(file.size > MAX_LENGTH, "QBM-E-TOO-LONG")
        descriptor = Descriptor(file.read(0, file.size), self.local)
        for each in descriptor.files():
            each.path = posixpath.join(posixpath.dirname(path), each.file)
            refuse(each.path in outer and getattr(each, "format", "raw") == "qbm", "QBM-E-LOOP")
            refuse(each.path in self.used, "QBM-E-FILE-TWICE")
            self.used.add(each.path)
        images = [descriptor.image, *([descriptor.backing] if descriptor.backing else [])]
        size = [self.disk(descriptor, image, outer) for image in images][0]
        if descriptor.in_use:
            self.find("QBM-C-IN-USE", "damage")
        for each in descriptor.bitmaps:
            self.bitmap(descriptor, each, size)
        return descriptor, size

    def disk(self, descriptor, image, outer):
        if image.format == "qbm":
            if image.path in self.files:  # QBM-017
                refuse(image.path + ".new" in self.used, "QBM-E-FILE-TWICE")
                self.used.add(image.path + ".new")
            size, file = self.open(image.path, outer)[1], self.files.get(image.path)
        else:
            file = self.file(image.path)
            size = file.size if file else None
        refuse(size is not None and size > MAX_SIZE and image is descriptor.image, "QBM-E-IMAGE-SIZE")
        self.verify(descriptor, image, file)
        return size

    def verify(self, descriptor, reference, file):  # QBM-030
        wanted = file and reference.checksum and self.checksums and not descriptor.in_use
        if wanted and file.checksum() != reference.checksum:
            self.find("QBM-E-CHECKSUM", self.checksums, reference.bitmap)

    def bitmap(self, descriptor, bitmap, size):  # QBM-021, QBM-037
        bits = -(-(size or 0) // bitmap.granularity)
        if bits > MAX_BITS:
            self.find("QBM-E-BITS", bitmap=bitmap.bitmap)
        if bitmap.inconsistent:
            self.find("QBM-C-INCONSISTENT", "damage", bitmap.bitmap)
            self.file(bitmap.path, bitmap.bitmap)
            if bitmap.may_be_missing and self.findings[-1]["id"] == "QBM-E-NO-FILE":  # QBM-029
                self.findings.pop()
            return
        file = self.file(bitmap.path, bitmap.bitmap)
        if file is None or size is None or bits > MAX_BITS:
            return
        length = -(-bits // 8)
        if file.size < length or (file.size > length and not descriptor.in_use):
            return self.find("QBM-E-BITMAP-SIZE", bitmap=bitmap.bitmap)
        if file.content is not None:  # else all bits are clear
            bitmap.bits = int.from_bytes(file.read(0, length), "little")
        excess = bitmap.bits >> bits
        if excess and not descriptor.in_use:
            return self.find("QBM-E-TAIL", bitmap=bitmap.bitmap)
        if excess or file.size > length:
            self.find("QBM-C-EXCESS", "leftover", bitmap.bitmap)
            bitmap.bits &= (1 << bits) - 1
        self.verify(descriptor, bitmap, file)


class Images:
    """The requests, for an adapter to inherit; it sets files to {} at reset."""

    def load(self, files):
        for each in files:
            self.files[each["name"]] = File(**each)

    def inspect(self, name, trust, verify=None):
        image = Opening(self.files, name, trust, verify and "error")
        for finding in image.findings:
            if finding["severity"] == "error":
                return {"error": finding["id"]}
        bitmaps, backing = image.descriptor.bitmaps, image.descriptor.backing
        named = {"backing": {"file": backing.file, "format": backing.format}} if backing else {}
        return {"size": str(image.size), "bitmaps": [each.inspect(image.size) for each in bitmaps], **named}

    def check(self, name, trust):  # QBM-042
        image = Opening(self.files, name, trust, "damage")
        if image.descriptor:
            if name + ".new" in self.files:  # QBM-035
                image.find("QBM-C-TEMPORARY", "leftover")
            directory, _, last = name.rpartition("/")
            prefix = last.rpartition(".")[0] or last  # QBM-023
            pattern = re.compile(re.escape(posixpath.join(directory, prefix)) + BITMAP_NAME)
            for found in filter(None, map(pattern.fullmatch, self.files.keys() - image.used)):
                if is_escaped(found[1]) and len(found[0].rpartition("/")[2].encode()) <= 255:
                    image.find("QBM-C-ORPHAN", "leftover")
        return {"findings": image.findings}
