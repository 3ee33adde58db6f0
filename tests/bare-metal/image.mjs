// What is in the linked images: `node image.mjs prefix rule:name=file...`, where prefix is that of the binutils
// and the first image is the platform alone, to which the others are compared. Prints a table, and where panics
// are called from.
//
// With link-time optimisation and a section for each function, what cannot be reached is not in the image. So
// the rules are: `never` has nothing of the panics in it, `may` is only told of, and `must` has a panic on
// purpose, so that the check is seen to see. None has an allocator.
import { execFileSync } from "node:child_process";

const [prefix, ...images] = process.argv.slice(2);
const tool = (name, ...args) =>
  execFileSync(prefix + name, args, { encoding: "utf8", maxBuffer: 1 << 28 }).trimEnd().split("\n");

const ALLOCATOR = /__rust_(alloc|dealloc|realloc)|__rdl_|__rg_|^alloc::|\bmalloc\b/;
const PANIC = /\bcore::(panicking|option::(unwrap|expect)_failed|result::unwrap_failed)|_fail(ed)?$|\bpanic_/;

function sections(file) {
  const rows = tool("size", "-A", file).map((line) => line.trim().split(/\s+/));
  return Object.fromEntries(rows.map(([name, size]) => [name, Number(size)]));
}

/** How often each function of an image calls a panic. */
function callers(file) {
  const found = new Map();
  let current = "";
  for (const line of tool("objdump", "-d", "-C", "--no-show-raw-insn", file)) {
    const head = /^[0-9a-f]+ <(.*)>:$/.exec(line);
    const branch = /\tb\S*\s+(?:\S+, )?[0-9a-f]+ <(.*?)(?:\+0x[0-9a-f]+)?>$/.exec(line);
    if (head) current = head[1];
    else if (branch && PANIC.test(branch[1]) && !PANIC.test(current)) {
      found.set(current, (found.get(current) ?? 0) + 1);
    }
  }
  return found;
}

/** The same by modules. */
function modules(found) {
  const sums = new Map();
  for (const [name, calls] of found) {
    // The first path in a name that is of this project: of a method, that of its type.
    const path = (name.match(/\bhandgrad\w*(::[a-z_]\w*)*/) ?? [name])[0];
    sums.set(path, (sums.get(path) ?? 0) + calls);
  }
  return [...sums].sort((a, b) => b[1] - a[1]).map(([path, calls]) => `${path} ${calls}`);
}

let platform;
const notes = [];
const wrong = [];
console.log("| image | .text beyond the platform's | .data + .bss | functions that call a panic | calls |");
console.log("|---|---|---|---|---|");
for (const image of images) {
  const [, rule, name, file] = /^(\w+):(.*?)=(.*)$/.exec(image);
  const size = sections(file);
  platform ??= size[".text"];
  const symbols = tool("nm", "-C", file).map((line) => line.replace(/^\S* +\S /, ""));
  const [panics, allocator] = [PANIC, ALLOCATOR].map((kind) => symbols.filter((symbol) => kind.test(symbol)));
  const found = callers(file);
  const calls = [...found.values()].reduce((a, b) => a + b, 0);
  const ram = size[".data"] + size[".bss"];
  console.log(`| ${name} | ${size[".text"] - platform} | ${ram} | ${found.size} | ${calls} |`);
  if (calls > 0) notes.push(`${name}: panics are called from ${modules(found).join(", ")}`);
  if (allocator.length > 0) wrong.push(`${name}: has an allocator: ${allocator.join(", ")}`);
  if (rule === "never" && panics.length > 0) wrong.push(`${name}: has ${panics.join(", ")}`);
  if (rule === "must" && (panics.length === 0 || calls === 0)) wrong.push(`${name}: its panic was not seen`);
}
console.log(["", ...notes, ...wrong].join("\n"));
process.exitCode = wrong.length > 0 ? 1 : 0;
