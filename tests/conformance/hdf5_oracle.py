"""Hundreds of HDF5 files by h5py, each with other features of the format, and what h5py, the HDF5 library by itself and our
reader see of them and of files that we wrote.

    python hdf5_oracle.py DUMP LIBRARY FOLDER FILE…     DUMP, LIBRARY: the programs made of dump_hdf5.cc and dump_libhdf5.cc,
                                                        LIBRARY "" where there is none; FOLDER: where the files go; FILEs of ours

What varies: the versions of the library that the file is for (superblocks 0 to 3), user blocks, the sizes of B-tree nodes
(superblock 1), paged file space, creation order; few and many links and attributes, long ones, hard and soft links, deleted and
rewritten ones, committed types; datasets of every type that weights have, in both byte orders, strings of both kinds, contiguous,
compact and chunked by every index, extended, shrunk, with gaps, never written, with fill values, deflate, shuffle, fletcher32.
Where h5repack is there, some files are written again by it, in other layouts. Every choice comes from the file's number. The
library of the system may be older than h5py's: it is asked of the files that it can know.

Prints one line of JSON: {"files", "datasets", "attributes", "repacked", "byLibrary", "differences": [first ones, as text]}.
"""

import ctypes
import glob
import json
import os
import random
import shutil
import subprocess
import sys

import h5py
import numpy as np

FILES = 300
VERSIONS = ["earliest", "v108", "v110", "v112", "v114", "v200", "latest"]
NUMBERS = [order + kind for kind in ["f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8"] for order in "<>"] + ["i1", "u1", "?"]
SHAPES = [(), (1,), (5,), (0,), (3, 4), (13, 9), (2, 0, 3), (7, 5, 3), (1, 1, 2, 1, 3), (40,), (200,), (3, 1)]
TEXTS = ["", "a", "kernel:0", "größe 数", "x" * 300, "with/slash", "dense_1/bias:0", "😀"]


def set_node_sizes(creation, name, *sizes):
    """H5Pset_sym_k and H5Pset_istore_k, which h5py does not have. Nothing happens where h5py did not bring its own library."""
    for library in glob.glob(os.path.join(os.path.dirname(h5py.__file__), "..", "h5py.libs", "libhdf5-*.so*")):
        function = getattr(ctypes.CDLL(library), name)
        function.argtypes = [ctypes.c_int64] + [ctypes.c_uint] * len(sizes)
        assert function(creation.id, *sizes) >= 0


class Maker:
    """One file. What is chosen depends on the number alone."""

    def __init__(self, number, folder):
        self.random = random.Random(number)
        self.numbers = np.random.default_rng(number)
        self.path = os.path.join(folder, f"case_{number:03d}.h5")

    def maybe(self, probability):
        return self.random.random() < probability

    def open(self):
        """By the low-level interface: h5py's File does not set the sizes of B-tree nodes."""
        low = self.random.choice(VERSIONS + ["earliest"] * 5)
        high = self.random.choice(VERSIONS[max(1, VERSIONS.index(low)):])
        self.old = low == "earliest"
        self.readable_by_old_tools = low in VERSIONS[:3] and high in VERSIONS[:5]
        creation, access = h5py.h5p.create(h5py.h5p.FILE_CREATE), h5py.h5p.create(h5py.h5p.FILE_ACCESS)
        bounds = h5py._hl.files.libver_dict
        access.set_libver_bounds(bounds[low], bounds[high])
        if self.maybe(0.2):
            creation.set_userblock(self.random.choice([512, 1024, 4096]))
        elif high not in ("earliest", "v108") and self.maybe(0.2):
            creation.set_file_space_strategy(h5py.h5f.FSPACE_STRATEGY_PAGE, self.maybe(0.5), 1)
        if self.maybe(0.3):
            set_node_sizes(creation, "H5Pset_sym_k", self.random.choice([1, 2, 16, 40]), self.random.choice([1, 3, 8]))
        if self.maybe(0.2):
            set_node_sizes(creation, "H5Pset_istore_k", self.random.choice([1, 2, 16, 64]))
        if self.maybe(0.3):
            creation.set_link_creation_order(h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED)
        return h5py.File(h5py.h5f.create(self.path.encode(), h5py.h5f.ACC_TRUNC, creation, access))

    def values(self, shape, dtype):
        dtype = np.dtype(dtype)
        bits = self.numbers.bytes(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
        if dtype.kind == "b":
            return (np.frombuffer(bits, "u1") & 1).astype("?").reshape(shape)
        return np.frombuffer(bits, dtype).reshape(shape)

    def texts(self, count):
        return [self.random.choice(TEXTS) for _ in range(count)]

    def attribute_value(self):
        kind = self.random.randrange(7)
        if kind == 0:
            return self.random.choice(TEXTS)
        if kind == 1:
            return np.array(self.texts(self.random.randrange(1, 6)), dtype=h5py.string_dtype())
        if kind == 2:
            return np.array([text.encode()[:20] for text in self.texts(3)], dtype="S20")
        if kind == 3:
            return np.bytes_(self.random.choice(["fixed", "x"]))
        if kind == 4:
            return h5py.Empty("f4")
        return self.values(self.random.choice(SHAPES[:6]), self.random.choice(NUMBERS))

    def add_attributes(self, thing):
        most = [0, 0, 1, 3, 9, 30] if isinstance(thing, h5py.Group) else [0, 0, 0, 0, 1, 12]
        names = [f"attribute_{i}" for i in range(self.random.choice(most))]
        for name in names:
            thing.attrs[name] = self.attribute_value()
        if names and self.maybe(0.3):
            thing.attrs[self.random.choice(names)] = "another value, longer than the one before it was " * 3
        if len(names) > 1 and self.maybe(0.3):
            del thing.attrs[names[0]]
        if self.maybe(0.05):
            thing.attrs["long"] = np.array([b"n" * 50] * 1200)  # 60,000 bytes: nearly all that a header message can hold
        if self.maybe(0.05) and not self.old:
            thing.attrs["longer"] = np.array([b"n" * 50] * 3000)  # outside of the header

    def creation_options(self, shape, limits, dtype):
        """The properties of a new dataset. `limits`: its largest shape where it is chunked, None without limit; else None."""
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if self.maybe(0.3):
            plist.set_fill_value(self.values((), dtype))
        if self.maybe(0.2):
            plist.set_fill_time(h5py.h5d.FILL_TIME_ALLOC)
        if limits is not None:
            chunk = tuple(self.random.choice([1, 2, 3, 4, 7, max(dim, 1)]) for dim in shape)
            chunk = tuple(c if limit is None else min(c, limit) for c, limit in zip(chunk, limits))
            plist.set_chunk(chunk)
            plist.set_alloc_time(self.random.choice([h5py.h5d.ALLOC_TIME_DEFAULT, h5py.h5d.ALLOC_TIME_EARLY, h5py.h5d.ALLOC_TIME_INCR]))
            filters = [plist.set_shuffle, lambda: plist.set_deflate(self.random.randrange(10)), plist.set_fletcher32]
            self.random.shuffle(filters)
            for add in filters:
                if self.maybe(0.35):
                    add()
        elif self.maybe(0.25):
            plist.set_layout(h5py.h5d.COMPACT)
        return plist

    def add_dataset(self, group, name):
        shape, dtype = self.random.choice(SHAPES), np.dtype(self.random.choice(NUMBERS))
        limits = None
        if shape and self.maybe(0.6):
            limits = tuple(max(dim, 1) if self.maybe(0.4) else self.random.choice([None, dim + 5]) for dim in shape)
        plist = self.creation_options(shape, limits, dtype)
        most = tuple(h5py.h5s.UNLIMITED if dim is None else dim for dim in limits) if limits else shape
        space = h5py.h5s.create_simple(shape, most) if shape else h5py.h5s.create(h5py.h5s.SCALAR)
        kind = h5py.h5t.py_create(dtype, logical=True)
        dataset = h5py.Dataset(h5py.h5d.create(group.id, name.encode(), kind, space, plist))
        if self.maybe(0.85):
            dataset[...] = self.values(shape, dtype)
        elif limits and shape[0] > 1:
            dataset[shape[0] // 2] = self.values(shape[1:], dtype)  # other chunks stay unwritten
        if limits and self.maybe(0.4):
            self.resize(dataset, limits)
        self.add_attributes(dataset)

    def resize(self, dataset, limits):
        for axis, limit in enumerate(limits):
            size = self.random.randrange(0, (dataset.shape[axis] + 6) if limit is None else limit + 1)
            dataset.resize(size, axis)
        if self.maybe(0.5) and dataset.size:
            dataset[-1] = self.values(dataset.shape[1:], dataset.dtype)

    def add_special(self, group, name):
        kind = self.random.randrange(6)
        if kind == 0:
            group[name] = h5py.SoftLink("/" + self.random.choice(["nowhere", "group_0", "x/y"]))
        elif kind == 1:
            group.create_dataset(name, data=self.texts(4), dtype=h5py.string_dtype())
        elif kind == 2:
            group[name] = np.array([b"fixed", b"", b"strings"])
        elif kind == 3:
            group[name] = self.values((4,), "V2")  # how Keras stores bfloat16
        elif kind == 4:
            group[name] = h5py.Empty(self.random.choice(["f4", "i8"]))
        else:
            group[name + "_type"] = np.dtype("<f4")
            group.create_dataset(name, data=self.values((6,), "<f4"), dtype=group[name + "_type"])

    def fill(self, group, depth):
        self.add_attributes(group)
        for i in range(self.random.choice([1, 2, 4, 9])):
            self.add_dataset(group, f"data_{i}")
        for i in range(self.random.choice([0, 1, 3])):
            self.add_special(group, f"special {i} ü")
        if self.maybe(0.3):
            group["again"] = group["data_0"]
        if self.maybe(0.3):
            del group[self.random.choice([name for name in group if name.startswith("data_")])]
        if depth < 3:
            for i in range(self.random.choice([0, 1, 2]) if depth else 2):
                self.fill(group.create_group(f"group_{i}", track_order=self.maybe(0.3)), depth + 1)

    def make(self):
        with self.open() as file:
            self.fill(file, 0)
            if self.maybe(0.15):
                many = file.create_group("many", track_order=self.maybe(0.5))
                for i in range(self.random.choice([100, 400])):
                    many.create_group(f"{'a long name ' * (i % 4)}{i}")


def repacked(path, number):
    """The file as h5repack writes it; None where there is none, or it fails (on types of newer libraries)."""
    tool = shutil.which("h5repack")
    if tool is None:
        return None
    choices = random.Random(number)
    out = path.replace("case_", "repacked_")
    options = choices.choice([["-f", "GZIP=4"], ["-f", "SHUF", "-f", "GZIP=9"], ["-f", "FLET"], ["-f", "NONE"], ["-l", "CONTI"], ["-l", "COMPA"]])
    bounds = choices.choice([[], ["-L"], ["-j", "1", "-k", "2"]])
    done = subprocess.run([tool, *options, *bounds, path, out], capture_output=True)
    return out if done.returncode == 0 else None


def as_texts(values):
    """Elements of strings, their bytes, as dump_hdf5.cc prints them. A fixed string ends at its first NUL."""
    flat = np.asarray(values, dtype=object).reshape(-1)
    encoded = [text.encode() if isinstance(text, str) else bytes(text).split(b"\0")[0] for text in flat]
    return "".join(text.hex() + "," for text in encoded)


def line(kind, path, type_id, value, shape):
    dtype = type_id.dtype
    if isinstance(value, h5py.Empty):
        shape, value = (0,), np.zeros((0,), dtype)
    shape_text = "(" + "".join(f"{dim}," for dim in shape) + ")"
    if h5py.check_string_dtype(dtype) and h5py.check_string_dtype(dtype).length is None:
        return [kind, path, "O", shape_text, as_texts(value)]
    if dtype.kind == "S":
        return [kind, path, f"S{dtype.itemsize}", shape_text, as_texts(value)]
    return [kind, path, f"{dtype.kind}{dtype.itemsize}", shape_text, np.asarray(value, dtype).astype(dtype.newbyteorder("<")).tobytes().hex()]


def lines_of(thing, path):
    """What h5py sees, in the lines of dump_hdf5.cc."""
    for name in thing.attrs:
        attribute = thing.attrs.get_id(name)
        yield line("attribute", f"{path}@{name}", attribute.get_type(), thing.attrs[name], attribute.shape)
    if isinstance(thing, h5py.Dataset):
        try:
            value = thing[()]
        except OSError:  # HDF5 2.0 writes chunks of few bytes, deflated and then shuffled, which it cannot read
            value = None
        fields = line("data", path, thing.id.get_type(), np.zeros(thing.shape, thing.dtype) if value is None else value, thing.shape or ())
        yield fields if value is not None else [*fields[:-1], "unreadable"]
    elif isinstance(thing, h5py.Group):
        yield ["group", path]
        for name in thing:
            link = thing.get(name, getlink=True)
            if isinstance(link, h5py.SoftLink):
                yield ["link", f"{path}/{name}", link.path]
            else:
                yield from lines_of(thing[name], f"{path}/{name}")
    else:  # a committed type: to our reader an object that is no dataset
        yield ["group", path]


def seen_by(dump, paths):
    """File → its lines."""
    seen, lines = {}, None
    for text in subprocess.run([dump, *paths], capture_output=True, check=True, text=True).stdout.splitlines():
        fields = text.split("\t")
        if fields[0] == "file":
            lines = seen[fields[1]] = []
        else:
            lines.append(fields)
    return seen


def differences(path, who, ours, theirs):
    ours, theirs = ({"\t".join(fields) for fields in lines} for lines in (ours, theirs))
    for sign, texts in ((f"only {who} sees", theirs - ours), (f"{who} does not see", ours - theirs)):
        for text in sorted(texts):
            yield f"{os.path.basename(path)}: {sign} {text[:300]}"


def main(dump, library, folder, *written):
    paths, for_library = list(written), list(written)
    repacks = 0
    for number in range(FILES):
        maker = Maker(number, folder)
        maker.make()
        paths.append(maker.path)
        if maker.readable_by_old_tools:
            again = repacked(maker.path, number)
            repacks += again is not None
            made = [path for path in (maker.path, again) if path is not None]
            paths += made[1:]
            for_library += made
    ours = seen_by(dump, paths)
    by_library = seen_by(library, for_library) if library else {}
    counts = {"data": 0, "attribute": 0}
    found = []
    for path in paths:
        with h5py.File(path) as file:
            theirs = list(lines_of(file, ""))
        for kind in counts:
            counts[kind] += sum(fields[0] == kind for fields in theirs)
        found += differences(path, "h5py", ours[path], theirs)
        if path in by_library:
            found += differences(path, "libhdf5", ours[path], by_library[path])
    print(json.dumps({"files": len(paths), "datasets": counts["data"], "attributes": counts["attribute"], "repacked": repacks,
                      "byLibrary": len(by_library), "differences": found[:20]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
