// One file of the page: `node page.mjs module.wasm page.html`. The scripts follow one another in one module, each after those
// it imports, without the lines that import and the words that export. The WebAssembly module is gzip in base64.
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const SCRIPTS = ["image.js", "net.js", "canvas.js", "pad.js", "curve.js", "views.js", "main.js"];
const [wasm, output] = process.argv.slice(2);
const read = (name) => readFileSync(new URL(`page/${name}`, import.meta.url), "utf8");
const plain = (script) => script.replace(/^import .*\n/gm, "").replace(/^export /gm, "");

const parts = {
  "/* style.css */": read("style.css"),
  "/* script */": SCRIPTS.map((name) => `// ${name}\n${plain(read(name))}`).join("\n"),
  "<!-- wasm -->": gzipSync(readFileSync(wasm), { level: 9 }).toString("base64"),
};
let page = read("index.html");
for (const [place, part] of Object.entries(parts)) {
  if (page.split(place).length !== 2) throw new Error(`index.html has no single ${place}`);
  page = page.replace(place, () => part);
}
writeFileSync(output, page);
console.log(`${output}: ${Math.ceil(page.length / 1000)} kB`);
