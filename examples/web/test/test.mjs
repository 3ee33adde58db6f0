// The page in a browser, as somebody uses it: `node test.mjs chromium page.html folder-for-screenshots`, and a part of a name
// for one of the tests.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Browser } from "./browser.mjs";
import { DIGITS } from "./strokes.mjs";

const [program, page, folder, part = ""] = process.argv.slice(2);
const DESKTOP = { width: 1180, height: 900 };
const PHONE = { width: 360, height: 740, touch: true };

const profile = mkdtempSync(join(tmpdir(), "handgrad-web-"));
const browser = new Browser(program, profile);

const LOADED = "document.getElementById('accuracy')?.textContent.endsWith('%')";
const screenshot = (tab, name) => tab.screenshot(join(folder, `${name}.png`));
const accuracy = async (tab) => parseFloat(await tab.text("accuracy"));

// The page comes from the folder, or from this server.
const server = createServer((_, response) => {
  response.writeHead(200, { "Content-Type": "text/html" }).end(readFileSync(page));
}).listen(0, "127.0.0.1");

async function open({ served = false, ...options }) {
  const folderUrl = pathToFileURL(resolve(page)).href;
  const tab = await browser.open(served ? `http://127.0.0.1:${server.address().port}/` : folderUrl, options);
  await tab.until(LOADED, 20);
  return tab;
}

/// Brings an element into view, and returns where it is then.
const place = (tab, id) => tab.get(`(() => {
  const element = document.getElementById(${JSON.stringify(id)});
  element.scrollIntoView({ block: "center" });
  const { left, top, width, height } = element.getBoundingClientRect();
  return { left, top, width, height };
})()`);

async function click(tab, id) {
  const { left, top, width, height } = await place(tab, id);
  await tab.drag([[left + width / 2, top + height / 2]]);
}

/// Draws strokes by the mouse, or by a finger.
async function draw(tab, strokes, way = "drag") {
  await click(tab, "clear");
  const { left, top, width, height } = await place(tab, "pad");
  for (const stroke of strokes) await tab[way](stroke.map(([x, y]) => [left + x * width, top + y * height]));
}

/// The digit whose bar is the longest, and how long it is, in percent.
async function reading(tab) {
  const [digit, share] = await tab.get(`[...document.querySelector("#bars .most").children].map((e) => e.textContent)
    .filter(Boolean)`);
  return [Number(digit), parseFloat(share)];
}

async function train(tab, epochs) {
  await click(tab, "train");
  await tab.until(`Number(document.getElementById("epochs").textContent) >= ${epochs}`, 60);
  await click(tab, "train");
  assert.equal(await tab.text("train"), "Train", "the training pauses");
}

async function fits(tab, width) {
  assert.equal(await tab.get("document.documentElement.scrollWidth"), width, "no scrolling sideways");
}

const TESTS = {
  async "a mouse: trains, reads ten drawn digits, learns another label"(tab) {
    await screenshot(tab, "begin");
    assert((await accuracy(tab)) < 40, "start values know nothing");
    await click(tab, "step");
    assert(Number(await tab.text("epochs")) > 0, "one step is made");
    await train(tab, 60);
    assert((await accuracy(tab)) >= 95, `test accuracy ${await accuracy(tab)}`);
    const read = [];
    for (const strokes of DIGITS) {
      await draw(tab, strokes);
      read.push((await reading(tab))[0]);
    }
    // How far the training is when it pauses depends on the machine, and so does what is uncertain.
    assert(read.filter((digit, drawn) => digit === drawn).length >= 9, `drawn 0 to 9, read as ${read}`);
    await draw(tab, [[[0.5, 0.5], [1.3, 0.5], [1.3, -0.4]]]);
    assert((await reading(tab))[1] > 0, "a stroke may leave the drawing area");
    await draw(tab, DIGITS[3]);
    await screenshot(tab, "desktop");
    await teach(tab);
    await showTestDigits(tab);
  },

  async "keys alone: trains, draws a 7 and a 1"(tab) {
    await focus(tab, "train");
    await tab.key("Enter");
    await tab.until('Number(document.getElementById("epochs").textContent) >= 25', 60);
    await tab.key(" ");
    assert((await accuracy(tab)) >= 90, `test accuracy ${await accuracy(tab)}`);
    await focus(tab, "pad");
    await tab.key(" ");
    await tab.key("ArrowRight", 4);
    await tab.key("End", 2);
    await tab.key("ArrowDown", 4);
    assert.equal((await reading(tab))[0], 7);
    await screenshot(tab, "keys");
    await tab.key("Backspace");
    assert.equal(await tab.text("verdict"), "Waiting for a digit");
    await tab.key(" ");
    await tab.key("ArrowUp", 6);
    assert.equal((await reading(tab))[0], 1);
  },

  async "a finger on a phone: fits, trains, reads"(tab) {
    await fits(tab, PHONE.width);
    await train(tab, 25);
    assert((await accuracy(tab)) >= 90, `test accuracy ${await accuracy(tab)}`);
    await draw(tab, DIGITS[2], "swipe");
    assert.equal((await reading(tab))[0], 2);
    await fits(tab, PHONE.width);
    await screenshot(tab, "phone");
  },

  async "from a server, dark, other settings"(tab) {
    await tab.get(`(() => {
      const hidden = document.getElementById("hidden");
      hidden.value = "64";
      hidden.dispatchEvent(new Event("change"));
    })()`);
    await train(tab, 20);
    await draw(tab, DIGITS[5]);
    await screenshot(tab, "dark");
  },

  async "a learning rate that is too high: says so, and Reset helps"(tab) {
    const setRate = (value) => tab.get(`document.getElementById("rate").value = "${value}"`);
    const note = `document.getElementById("training-note").textContent.includes("another learning rate")`;
    await setRate(1);
    await click(tab, "train");
    await tab.until(note);
    await screenshot(tab, "too-high");
    await setRate(-0.7);
    await click(tab, "reset");
    assert(!(await tab.get(note)));
    await train(tab, 5);
    assert((await accuracy(tab)) >= 80, `test accuracy ${await accuracy(tab)}`);
  },
};

/// A drawn 7 is called a 1, and that is learnt.
async function teach(tab) {
  await draw(tab, DIGITS[7]);
  assert.equal((await reading(tab))[0], 7);
  const learnt = Number(await tab.text("epochs")) + 20;
  await tab.get(`document.querySelector('[aria-label="This is 1"]').click()`);
  assert.equal(await tab.text("train"), "Pause", "it learns at once");
  await tab.until(`Number(document.getElementById("epochs").textContent) >= ${learnt}`, 60);
  await click(tab, "train");
  assert.equal((await reading(tab))[0], 1);
  assert.equal(await tab.get('document.querySelectorAll("#taught .learnt").length'), 1);
  await screenshot(tab, "taught");
}

/// Test digits can be looked at, and not learnt from.
async function showTestDigits(tab) {
  await click(tab, "show-test");
  assert.match(await tab.text("verdict"), /^\d, read as \d: (right|wrong)$/);
  await click(tab, "show-mistake");
  assert.match(await tab.text("verdict"), /wrong$/);
  assert(await tab.get(`document.querySelector('[aria-label="This is 1"]').disabled`));
  await screenshot(tab, "mistake");
}

/// Goes on by the Tab key until the element has the focus.
async function focus(tab, id) {
  for (let i = 0; i < 40; i++) {
    if ((await tab.get("document.activeElement.id")) === id) return;
    await tab.key("Tab");
  }
  assert.fail(`the Tab key does not come to ${id}`);
}

const WINDOWS = [DESKTOP, DESKTOP, PHONE, { ...DESKTOP, dark: true, served: true }, DESKTOP];
try {
  for (const [i, [name, test]] of Object.entries(TESTS).entries()) {
    if (!name.includes(part)) continue;
    const tab = await open(WINDOWS[i]);
    await test(tab);
    assert.deepEqual(tab.errors, [], "errors of the page");
    await tab.close();
    console.log(`passed: ${name}`);
  }
} finally {
  await browser.close();
  server.close();
  rmSync(profile, { recursive: true, force: true });
}
