"""Checks that the matrix products keep their vectors in registers: compiles the kernels of every instruction set as
the package does, disassembles them and looks into the innermost loops that hold integer products. Loads and stores of
vector registers there that go to the stack cost such a loop half of its speed and more, and no test sees them. Needs
no processor that has the instructions.

check_kernels.py COMPILER [KERNELS_FOLDER]"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

compiler = sys.argv[1]
folder = pathlib.Path(__file__).resolve().parents[2] / "Shared/Kernels"
folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else folder

# What SwiftPM passes for `-c release`; the sources choose their instruction sets themselves.
FLAGS = ["-O2", "-DSWIFT_PACKAGE=1", "-fblocks", "-fPIC", "-fno-omit-frame-pointer"]
SOURCES = {
    "x86_64-unknown-linux-gnu": ["avx2", "avxvnni", "avx512vnni"],
    "aarch64-unknown-linux-gnu": ["neon", "neondot"],
}
# What the kernels use of the C library, so that they compile without the headers of a foreign system.
STRING_H = """#include <stddef.h>
void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
int strcmp(const char *, const char *);
size_t strlen(const char *);
"""
# Stack moves of the worst loop that are accepted. AVX2 alone has sixteen registers and no instruction that adds to 32
# bits at once: where products must be added up in two steps, sums and parts of four rows do not fit. Fewer rows were
# slower. These numbers may only fall.
ACCEPTED = {
    ("avx2", "avx2_Q5"): 21,
    ("avx2", "avx2_Q5M"): 20,
    ("avx2", "avx2_Q6"): 22,
    ("avx2", "avx2_Q8"): 28,
}

PRODUCT = re.compile(r"vpdpbusd|vpmaddubsw|[su]dot\b|[su]ml[as]l2?\b|[su]mull2?\b|[su]mmla\b")
BRANCH = re.compile(r"(?:j[a-z]+|b|b\.[a-z]+|cbn?z|tbn?z)\s(?:.*[\s,])?(?:0x)?([0-9a-f]+)\s+<")


def disassembler():
    """The command, and whether it knows foreign processors."""
    near = pathlib.Path(compiler).resolve().parent / "llvm-objdump"
    for candidate in (str(near), "llvm-objdump"):
        if shutil.which(candidate):
            return candidate, True
    return (shutil.which("objdump"), False)


def functions(command, path):
    """(name, [(address, instruction)]) of every function of an object file."""
    text = subprocess.run(
        [command, "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    name, body = None, []
    for line in text.splitlines():
        start = re.match(r"[0-9a-f]+ <(.*)>:", line)
        instruction = re.match(r"\s*([0-9a-f]+):\s+(\S.*)", line)
        if start:
            if name:
                yield name, body
            name, body = start[1], []
        elif instruction:
            body.append((int(instruction[1], 16), re.sub(r"\s+", " ", instruction[2])))
    if name:
        yield name, body


def product_loops(body):
    """The loops with products that hold no smaller loop with products. Others may lie in them: where the compiler has
    left an array in memory, a loop that clears it for instance."""
    loops = {}
    for address, instruction in body:
        branch = BRANCH.match(instruction)
        if branch and body[0][0] <= int(branch[1], 16) <= address:
            inside = [i for a, i in body if int(branch[1], 16) <= a <= address]
            if any(PRODUCT.search(i) for i in inside):
                loops[int(branch[1], 16), address] = inside
    for (first, last), inside in sorted(loops.items()):
        if not any((begin, end) != (first, last) and first <= begin and end <= last for begin, end in loops):
            yield inside


def moves_vector(instruction):
    """Whether a vector register, or an operand of its size, is on the stack. Broadcasts read one number only."""
    if re.search(r"\(%r[sb]p", instruction):
        broadcast = "broadcast" in instruction or "{1to" in instruction
        return not broadcast and re.search(r"%[xyz]mm", instruction) is not None
    return re.search(r"\[(?:sp|x29)\b", instruction) is not None and re.search(r"\bq\d", instruction) is not None


def compiled(target, source, scratch):
    """The object file, or None where this compiler cannot make it."""
    path = f"{scratch}/{source}.o"
    command = [
        compiler, f"--target={target}", *FLAGS, f"-I{folder}/include", "-c", f"{folder}/{source}.c", "-o", path]
    foreign = [f"-I{scratch}", "-nostdlibinc"]
    for extra in ([], foreign):
        result = subprocess.run(command + extra, check=False, capture_output=True, text=True)
        if result.returncode == 0:
            return path
    print(f"skipped {source}: {compiler} cannot compile for {target}", file=sys.stderr)
    if "No available targets" not in result.stderr and "unknown target" not in result.stderr:
        sys.exit(result.stderr)  # a fault in the sources, not a compiler without this target
    return None


command, foreign = disassembler()
if command is None:
    print("skipped the check of the kernels' loops: neither llvm-objdump nor objdump is there", file=sys.stderr)
    sys.exit(0)
failures, checked = [], 0
with tempfile.TemporaryDirectory() as scratch:
    pathlib.Path(scratch, "string.h").write_text(STRING_H)
    for target, sources in SOURCES.items():
        if target.startswith("aarch64") and not foreign:
            print("skipped the kernels for Arm: llvm-objdump is not there", file=sys.stderr)
            continue
        for source in sources:
            path = compiled(target, source, scratch)
            if path is None:
                continue
            loops, found = 0, set()
            for name, body in functions(command, path):
                worst, example = 0, ""
                for loop in product_loops(body):
                    loops += 1
                    moves = [instruction for instruction in loop if moves_vector(instruction)]
                    if len(moves) > worst:
                        worst, example = len(moves), moves[0]
                    if name != "matmul_peak":
                        found.add(name)
                if worst > ACCEPTED.get((source, name), 0):
                    failures.append(f"{source}: {name}: {worst} vector moves to or from the stack in a loop: {example}")
            if len(found) < 6:  # a function per form at least
                failures.append(f"{source}: only {len(found)} functions with products were found")
            checked += loops
for failure in failures:
    print(f"error: {failure}", file=sys.stderr)
if failures or checked == 0:
    sys.exit("the kernels' loops do not stay in registers" if checked else "no loop was checked")
print(f"checked {checked} loops of the kernels for vectors on the stack")
