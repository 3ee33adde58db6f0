// Runs a WebAssembly image: `node run.mjs image.wasm`. It needs one function, and no memory, from here. How long it took
// goes to the standard error.
import { readFileSync } from "node:fs";

const bytes = [];
const host = { print_byte: (byte) => bytes.push(byte) };
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), { host });
const begin = performance.now();
process.exitCode = instance.exports.run();
console.error(`# ${process.argv[2].split("/").pop()}: ${(performance.now() - begin).toFixed(1)} ms`);
process.stdout.write(Buffer.from(bytes));
