// Chromium without a window, driven by the DevTools protocol over a pipe: messages in JSON, each ended by a zero byte.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";

export class Browser {
  constructor(program, folder) {
    const flags = ["--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run", "--hide-scrollbars"];
    // As root, and where /dev/shm is small, as in a container.
    flags.push("--no-sandbox", "--disable-dev-shm-usage", `--user-data-dir=${folder}`, "about:blank");
    this.process = spawn(program, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    [this.count, this.waiting, this.listeners] = [0, new Map(), []];
    let text = "";
    this.process.stdio[4].setEncoding("utf8").on("data", (part) => {
      const messages = (text + part).split("\0");
      text = messages.pop();
      messages.forEach((message) => this.receive(JSON.parse(message)));
    });
    this.process.on("exit", () => this.waiting.forEach(({ reject }) => reject(new Error("the browser has ended"))));
  }

  receive({ id, result, error, method, params, sessionId }) {
    if (method) {
      this.listeners.forEach((listener) => listener(method, params, sessionId));
      return;
    }
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.count;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  /// A new tab with this address, of this size. What goes wrong in it is in its `errors`.
  async open(url, { width, height, dark = false, touch = false }) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab(this, targetId, sessionId);
    tab.size = { width, height, mobile: touch };
    await tab.resize(tab.size);
    await tab.send("Emulation.setTouchEmulationEnabled", { enabled: touch });
    const scheme = { name: "prefers-color-scheme", value: dark ? "dark" : "light" };
    await tab.send("Emulation.setEmulatedMedia", { features: [scheme] });
    for (const domain of ["Runtime", "Log", "Page"]) await tab.send(`${domain}.enable`);
    await tab.send("Page.navigate", { url });
    return tab;
  }

  async close() {
    const ended = new Promise((resolve) => this.process.on("exit", resolve));
    this.send("Browser.close").catch(() => {});
    await ended;
  }
}

class Tab {
  constructor(browser, targetId, sessionId) {
    Object.assign(this, { browser, targetId, sessionId, errors: [] });
    browser.listeners.push((method, params, from) => {
      if (from === sessionId) this.note(method, params);
    });
  }

  note(method, params) {
    if (method === "Runtime.exceptionThrown") {
      const { text, exception } = params.exceptionDetails;
      this.errors.push(exception?.description ?? text);
    } else if (method === "Log.entryAdded" && params.entry.level === "error") {
      this.errors.push(params.entry.text);
    } else if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) {
      this.errors.push(params.args.map((arg) => arg.value ?? arg.description).join(" "));
    }
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  /// The value of an expression in the page, or what its promise comes to.
  async get(expression) {
    const how = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", how);
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
    return result.value;
  }

  /// The text of an element.
  text(id) {
    return this.get(`document.getElementById(${JSON.stringify(id)}).textContent`);
  }

  /// Waits until an expression in the page is true.
  async until(expression, seconds = 30) {
    for (const end = Date.now() + 1000 * seconds; Date.now() < end; ) {
      if (await this.get(`Boolean(${expression})`)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`not within ${seconds} s: ${expression}; errors of the page: ${this.errors.join("; ") || "none"}`);
  }

  /// Presses and lets go of a key, so many times.
  async key(key, times = 1) {
    const text = { " ": " ", Enter: "\r" }[key];
    const event = { key, text, code: key === " " ? "Space" : key, windowsVirtualKeyCode: KEY_CODES[key] };
    for (let i = 0; i < times; i++) {
      await this.send("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", ...event });
      await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event, text: undefined });
    }
  }

  /// A mouse press, the way through these points of the window, and the release.
  async drag(points) {
    const mouse = (type, [x, y]) =>
      this.send("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons: 1, clickCount: 1 });
    await mouse("mousePressed", points[0]);
    for (const point of points.slice(1)) await mouse("mouseMoved", point);
    await mouse("mouseReleased", points.at(-1));
  }

  /// The same with a finger.
  async swipe(points) {
    const touch = (type, touchPoints) => this.send("Input.dispatchTouchEvent", { type, touchPoints });
    await touch("touchStart", [{ x: points[0][0], y: points[0][1] }]);
    for (const [x, y] of points.slice(1)) await touch("touchMove", [{ x, y }]);
    await touch("touchEnd", []);
  }

  /// A picture of the whole page, in a window as high as that.
  async screenshot(path) {
    const { cssContentSize } = await this.send("Page.getLayoutMetrics");
    await this.resize({ ...this.size, height: Math.ceil(cssContentSize.height) });
    await this.get("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))");
    const { data } = await this.send("Page.captureScreenshot");
    writeFileSync(path, Buffer.from(data, "base64"));
    await this.resize(this.size);
  }

  resize({ width, height, mobile }) {
    return this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile });
  }

  async close() {
    await this.browser.send("Target.closeTarget", { targetId: this.targetId });
  }
}

const KEY_CODES = {
  Tab: 9, Enter: 13, " ": 32, PageUp: 33, PageDown: 34, End: 35, Home: 36,
  ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Backspace: 8,
};
