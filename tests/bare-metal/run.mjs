// Runs a WebAssembly image: `node run.mjs image.wasm`. It needs one function, and no memory, from here.
import { readFileSync } from "node:fs";

const bytes = [];
const host = { print_byte: (byte) => bytes.push(byte) };
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), { host });
process.exitCode = instance.exports.run();
process.stdout.write(Buffer.from(bytes));
