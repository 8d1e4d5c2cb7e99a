// What only the console's pages need, beside app.js. They work without this file too.

const $ = (sel, root = document) => root.querySelector(sel);

function say(text) {
  let box = $("#say");
  if (!box) {
    box = Object.assign(document.createElement("div"), { id: "say", className: "sr", role: "status" });
    document.body.append(box);
  }
  box.textContent = text;
}

// <live-parts src parts>: while its form is typed in, sends it to src and takes the parts with these ids from the answer.
class LiveParts extends HTMLElement {
  connectedCallback() {
    this.form = this.closest("form");
    this.form?.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.refresh(), 250);
    });
  }
  async refresh() {
    this.under?.abort();
    this.under = new AbortController();
    const parts = this.getAttribute("parts");
    try {
      const res = await send(this.getAttribute("src"), this.form, parts, this.under.signal);
      if (res.ok && !res.redirected) take(parts, await res.text());
    } catch {
      // The next letter tries again; the form itself does not depend on it.
    }
  }
}

// take puts the parts with these ids from the answer in the place of the present ones.
function take(parts, text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const id of parts.trim().split(/\s+/)) {
    const old = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (!old || !fresh || old.isEqualNode(fresh)) continue;
    for (const { name } of [...old.attributes]) if (name.startsWith("data-") && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (name.startsWith("data-")) old.setAttribute(name, value);
    old.replaceChildren(...[...fresh.childNodes].map((n) => document.adoptNode(n)));
    old.dispatchEvent(new Event("fresh", { bubbles: true }));
  }
}

const send = (url, form, parts, signal) =>
  fetch(url, { method: "POST", headers: { "X-Partial": parts }, body: new URLSearchParams(new FormData(form)), signal });

// A button with data-parts sends its form, and takes only these parts of the page from the answer.
document.addEventListener("submit", async (e) => {
  const button = e.submitter;
  const parts = button?.dataset.parts;
  if (!parts) return;
  e.preventDefault();
  button.setAttribute("aria-busy", "true");
  try {
    const res = await send(button.getAttribute("formaction"), e.target, parts);
    if (!res.ok || res.redirected) throw new Error(res.status);
    take(parts, await res.text());
  } catch {
    delete button.dataset.parts; // the whole page says what is wrong
    e.target.requestSubmit(button);
  }
  button.removeAttribute("aria-busy");
}, true);

// <code-editor>: line numbers that follow the text, indenting with Tab (Escape, then Tab leaves), the place of a fault.
class CodeEditor extends HTMLElement {
  connectedCallback() {
    this.text = $("textarea", this);
    this.gutter = $(".editor-gutter", this);
    this.status = $(".editor-status", this.parentElement);
    this.text.addEventListener("input", () => this.number());
    this.text.addEventListener("keydown", (e) => this.key(e));
    this.text.addEventListener("focus", () => (this.leaving = false));
    this.status?.addEventListener("fresh", () => this.mark());
    this.status?.addEventListener("click", (e) => {
      const go = e.target.closest("[data-go]");
      if (!go) return;
      e.preventDefault();
      this.go(...go.dataset.go.split(":").map(Number));
    });
    this.number();
  }
  number() {
    const lines = this.text.value.split("\n").length;
    const least = Number(this.dataset.rows) || 6;
    this.text.rows = Math.max(least, lines);
    while (this.gutter.children.length > Math.max(1, lines)) this.gutter.lastElementChild.remove();
    while (this.gutter.children.length < lines) {
      const n = document.createElement("span");
      n.textContent = this.gutter.children.length + 1;
      this.gutter.append(n);
    }
    this.mark();
  }
  mark() {
    const lines = (this.status?.dataset.line ?? "").split(" ");
    [...this.gutter.children].forEach((n, i) => n.classList.toggle("bad", lines.includes(String(i + 1))));
    const bad = this.status && "bad" in this.status.dataset;
    bad ? this.text.setAttribute("aria-invalid", "true") : this.text.removeAttribute("aria-invalid");
    this.closest(".field").classList.toggle("invalid", bad);
  }
  go(line, column) {
    const before = this.text.value.split("\n").slice(0, line - 1);
    const at = before.reduce((sum, l) => sum + l.length + 1, 0) + [...(this.text.value.split("\n")[line - 1] ?? "")].slice(0, column - 1).join("").length;
    this.text.focus();
    this.text.setSelectionRange(at, at);
  }
  insert(text) {
    // execCommand keeps what can be undone.
    if (!document.execCommand("insertText", false, text)) this.text.setRangeText(text, this.text.selectionStart, this.text.selectionEnd, "end");
    this.number();
  }
  key(e) {
    if (e.key === "Escape") {
      this.leaving = true;
      return say("Tab leaves the editor now");
    }
    const leaving = this.leaving;
    this.leaving = false;
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    if (e.key === "Tab" && !e.shiftKey && !leaving) {
      e.preventDefault();
      this.insert("  ");
    } else if (e.key === "Enter") {
      const line = this.text.value.slice(0, this.text.selectionStart).split("\n").at(-1);
      const indent = line.match(/^\s*/)[0] + (/[{[(]\s*$/.test(line) ? "  " : "");
      if (!indent) return;
      e.preventDefault();
      this.insert("\n" + indent);
    }
  }
}

// <order-list>: moves the rows of a picker, instead of numbers typed beside them; finds rows in a long one.
class OrderList extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (e) => {
      const button = e.target.closest("[data-move]");
      if (button) this.move(button.closest("li"), button);
    });
    $("[data-find]", this)?.addEventListener("input", (e) => {
      e.stopPropagation();
      const words = e.target.value.toLowerCase().split(/\s+/);
      for (const row of this.rows()) row.hidden = !words.every((w) => row.textContent.toLowerCase().includes(w));
    });
  }
  rows() {
    return [...this.querySelectorAll("li")];
  }
  move(row, button) {
    const up = button.dataset.move === "up";
    const shown = this.rows().filter((r) => !r.hidden);
    const other = shown[shown.indexOf(row) + (up ? -1 : 1)];
    if (!other) return;
    up ? other.before(row) : other.after(row);
    const rows = this.rows();
    rows.forEach((r, i) => ($("[data-at]", r).value = i + 1));
    button.focus();
    // At an end there is nothing further that way: the button is gone, the other one of the row is there.
    if (getComputedStyle(button).visibility === "hidden") $(`[data-move="${up ? "down" : "up"}"]`, row).focus();
    say(`Position ${rows.indexOf(row) + 1} of ${rows.length}`);
    row.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// <sort-list form>: its items can be dragged by [data-grip]. Each item holds an input of the form, so the order of the
// items is what is sent. Buttons that move an item by one do the same without a pointer.
class SortList extends HTMLElement {
  connectedCallback() {
    this.addEventListener("pointerdown", (e) => {
      const grip = e.target.closest("[data-grip]");
      if (!grip || e.button !== 0) return;
      e.preventDefault();
      this.drag(grip.closest("[data-item]"), e.pointerId);
    });
  }
  drag(item, pointer) {
    const list = item.parentElement;
    const before = [...list.children];
    const done = new AbortController();
    const on = (type, act) => document.addEventListener(type, act, { signal: done.signal });
    const end = (keep) => {
      done.abort();
      item.classList.remove("dragged");
      if (!keep) return list.replaceChildren(...before);
      if (before.some((row, i) => row !== list.children[i])) document.getElementById(this.getAttribute("form")).requestSubmit();
    };
    item.classList.add("dragged");
    on("pointermove", (e) => {
      if (e.pointerId !== pointer) return;
      // The others step aside: what the pointer holds stays in the page.
      for (let next; (next = item.nextElementSibling) && e.clientY > middle(next); ) item.before(next);
      for (let former; (former = item.previousElementSibling) && e.clientY < middle(former); ) item.after(former);
    });
    on("pointerup", (e) => e.pointerId === pointer && end(true));
    on("pointercancel", (e) => e.pointerId === pointer && end(false));
    on("keydown", (e) => e.key === "Escape" && end(false));
  }
}

function middle(element) {
  const r = element.getBoundingClientRect();
  return r.top + r.height / 2;
}

// <live-events src data-after data-target>: hears of new events at src. With a target it counts them and offers to show
// them in that list; without one it adds them to the timeline of its card, unless somebody points at it. It listens while
// the page is seen, and goes on after the last event that it knows.
class LiveEvents extends HTMLElement {
  connectedCallback() {
    this.card = this.closest("section");
    this.sign = $(".live-sign", this);
    this.after = this.dataset.after;
    this.fresh = [];
    this.gone = new AbortController();
    const on = (target, type, act) => target.addEventListener(type, act, { signal: this.gone.signal });
    on(document, "visibilitychange", () => this.listen());
    on(this.card, "mouseleave", () => this.add());
    on(this.card, "focusout", () => setTimeout(() => this.add()));
    this.clock = setInterval(() => age(this.card), 20000);
    this.listen();
  }
  disconnectedCallback() {
    this.gone.abort();
    this.under?.abort();
    clearInterval(this.clock);
  }
  async listen() {
    this.under?.abort();
    if (document.hidden || this.over) return;
    const { signal } = (this.under = new AbortController());
    for (let wait = 1000; !signal.aborted; wait = Math.min(2 * wait, 30000)) {
      try {
        const url = new URL(this.getAttribute("src"), location.href);
        if (this.after) url.searchParams.set("after", this.after);
        const res = await fetch(url, { signal, headers: { Accept: "text/event-stream" } });
        if (res.status === 404) return; // nobody tells anything here
        if (res.redirected || res.status === 401 || res.status === 403) return this.end(res.status === 403 ? "forbidden" : "ended");
        if (res.ok) {
          wait = 1000;
          this.show("Live", "ok");
          await this.read(res.body);
        } else wait = Math.max(wait, 1000 * res.headers.get("Retry-After"));
      } catch {
        // The connection broke: once more.
      }
      if (signal.aborted || this.over) return;
      this.show("Reconnecting", "");
      await new Promise((resume) => setTimeout(resume, wait));
    }
  }
  async read(body) {
    let text = "";
    for (const reader = body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const messages = (text + value).split("\n\n");
      text = messages.pop();
      for (const m of messages) {
        const field = (name) => m.match(new RegExp(`^${name}: (.*)$`, "m"))?.[1];
        if (field("data")) this.take(field("event"), JSON.parse(field("data")));
      }
    }
  }
  take(name, data) {
    // What a server says that stops or is too busy is no reason to give up.
    if (name === "end") return /stale|shutdown|slow|unavailable/.test(data.reason) || this.end(data.reason, data.message);
    if (name === "gap") this.more = true;
    if (name) return;
    this.after = data.pk;
    // Keys rise with time. What is older than all that is shown was on the page before, or never had a place there.
    const shown = [...this.card.querySelectorAll("a")].map((a) => a.href.match(/\/events\/([-\da-f]{36})\/$/)?.[1]).filter(Boolean).sort();
    if (shown.includes(data.pk) || data.pk < shown[0] || this.fresh.some((e) => e.pk === data.pk)) return;
    this.more ||= this.fresh.length > 99;
    if (this.more && this.dataset.target) return this.offer();
    this.fresh.push(data);
    this.dataset.target ? this.offer() : this.add();
  }
  show(words, tone) {
    this.sign.textContent = words;
    this.sign.classList.toggle("ok", tone === "ok");
    this.sign.hidden = false;
  }
  add() {
    const list = $(".timeline", this.card);
    if (this.dataset.target || !this.fresh.length || !list || this.card.matches(":hover, :focus-within")) return;
    const most = Math.max(8, list.children.length);
    for (const { html } of this.fresh.splice(0).slice(-most)) {
      const entry = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
      entry.classList.add("fresh");
      list.prepend(document.adoptNode(entry));
    }
    while (list.children.length > most) list.lastElementChild.remove();
    age(this.card);
  }
  offer() {
    if (!this.button) {
      this.button = Object.assign(document.createElement("button"), { type: "button", className: "btn primary small" });
      this.button.addEventListener("click", () => this.refresh());
      const bar = Object.assign(document.createElement("div"), { className: "live-new" });
      bar.append(this.button);
      this.card.prepend(bar);
      say("There are new events");
    }
    const n = this.fresh.length;
    this.button.textContent = this.more ? "Many new events" : `${n} new event${n === 1 ? "" : "s"}`;
  }
  async refresh() {
    const { card } = this;
    this.button.setAttribute("aria-busy", "true");
    try {
      const res = await fetch(location.href, { headers: { "X-Partial": card.id } });
      if (!res.ok || res.redirected) throw new Error(res.status);
      take(card.id, await res.text());
    } catch {
      return location.reload(); // the whole page says what is wrong
    }
    if (card.getBoundingClientRect().top < 0) card.scrollIntoView();
    $(".table-scroll", card)?.focus({ preventScroll: true });
    say("The list is up to date");
  }
  end(reason, message) {
    this.over = true;
    this.under?.abort();
    this.show("Not live", "");
    const note = $("template", this).content.cloneNode(true);
    if (message) $("strong", note).textContent = message;
    const link = $("a", note);
    link.href = location.href; // leads to the sign-in, and back
    if (reason === "forbidden") {
      $("strong", note).textContent = message ?? "You may not see new events any more.";
      link.textContent = "Open the page again";
    }
    $(".flashes").append(note);
  }
}

// <fresh-table src parts>: keeps a table as new as it can be. It hears of changes at src, and looks by itself after half a
// minute. Nothing moves under whoever is at the table; then it says how old the rows are.
class FreshTable extends LiveEvents {
  connectedCallback() {
    this.parts = this.getAttribute("parts");
    this.after = "";
    this.sign = $(".live-sign", this);
    this.old = $("[data-old]", this);
    this.at = Date.now();
    this.gone = new AbortController();
    const on = (target, type, act) => target.addEventListener(type, act, { signal: this.gone.signal });
    on(document, "visibilitychange", () => {
      this.tick();
      if (this.hasAttribute("src")) this.listen();
    });
    on($("[data-refresh]", this), "click", (e) => {
      if (e.ctrlKey || e.metaKey) return;
      e.preventDefault();
      this.refresh(true);
    });
    this.clock = setInterval(() => this.tick(), 2000);
    if (this.hasAttribute("src")) this.listen();
  }
  take(name, data) {
    if (name === "end") return super.take(name, data);
    if (!name) this.after = data.pk;
    this.dirty = true;
  }
  busy() {
    const table = document.getElementById(this.parts.split(" ")[0]);
    return table?.matches(":hover, :focus-within") || $("tbody .pick input:checked", table) || $("dialog[open], .menu:popover-open");
  }
  tick() {
    const age = Math.floor((Date.now() - this.at) / 1000);
    this.old.hidden = age <= 30;
    this.old.textContent = `${age < 120 ? `${age} seconds` : `${Math.floor(age / 60)} minutes`} old`;
    if (!document.hidden && !this.over && (this.dirty || age >= 30) && !this.busy()) this.refresh();
  }
  async refresh(asked) {
    if (this.loading) return;
    this.loading = true;
    const dirty = this.dirty;
    this.dirty = false;
    try {
      const res = await fetch(location.href, { headers: { "X-Partial": this.parts } });
      if (res.redirected || res.status === 401 || res.status === 403) return asked ? location.reload() : this.end("ended");
      if (!res.ok) throw new Error(res.status);
      const text = await res.text();
      if (!asked && this.busy()) return (this.dirty = dirty || this.dirty); // somebody got there meanwhile
      take(this.parts, text);
      this.at = Date.now();
      this.old.hidden = true;
      if (asked) say("The list is up to date");
    } catch {
      this.dirty ||= dirty; // how old the list is says that it did not succeed; the next look tries again
      if (asked) location.reload();
    } finally {
      this.loading = false;
    }
  }
}

// <live-bell src>: how much there is that was not seen, as src says it.
class LiveBell extends LiveEvents {
  connectedCallback() {
    if (!this.hasAttribute("src")) return;
    this.gone = new AbortController();
    document.addEventListener("visibilitychange", () => this.listen(), { signal: this.gone.signal });
    this.unseen = Number($(".bell-count", this).textContent.replace(/\D/g, ""));
    this.listen();
  }
  take(name, data) {
    if (name) return name === "end" && super.take(name, data);
    const [link, count] = [$("a", this), $(".bell-count", this)];
    count.textContent = data.count;
    count.hidden = !data.unseen;
    link.title = data.words;
    link.setAttribute("aria-label", data.words);
    if (data.unseen > this.unseen) say(data.words);
    this.unseen = data.unseen;
  }
  show() {}
  end() {
    this.over = true;
    this.under?.abort();
  }
}

// age says anew how long ago the times in a part of the page are.
function age(root) {
  for (const t of root.querySelectorAll("time[datetime]")) {
    const s = Math.floor((Date.now() - new Date(t.dateTime)) / 1000);
    const [n, unit] = s < 60 ? [s, "second"] : s < 3600 ? [Math.floor(s / 60), "minute"] : [Math.floor(s / 3600), "hour"];
    if (s >= 0 && s < 86400) t.textContent = s < 5 ? "just now" : `${n} ${unit}${n === 1 ? "" : "s"} ago`;
  }
}

// [data-slug-of]: follows the field of that id for as long as nobody writes something of their own.
document.addEventListener("input", ({ target }) => {
  const slug = target.id && $(`[data-slug-of="${CSS.escape(target.id)}"]`);
  if (!slug || slug.value !== (slug.dataset.made ?? "")) return;
  slug.value = slug.dataset.made = target.value.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
});

for (const [name, type] of Object.entries({ "live-parts": LiveParts, "code-editor": CodeEditor, "order-list": OrderList, "sort-list": SortList, "live-events": LiveEvents, "fresh-table": FreshTable, "live-bell": LiveBell }))
  customElements.define(name, type);

// A navigation longer than the window, and tabs wider than it, show where one is, and a bit of what is beside. Not by
// scrollIntoView: browsers would let the Tab key begin there, and not at the top of the page.
function showHere() {
  for (const here of document.querySelectorAll(".nav [aria-current], .tabs [aria-current]")) {
    const list = here.closest(".nav, .tabs");
    const [at, all] = [here, list].map((e) => e.getBoundingClientRect());
    list.scrollTop += Math.min(0, at.top - all.top) || Math.max(0, at.bottom - all.bottom);
    list.scrollLeft += Math.min(0, at.left - all.left - 40) || Math.max(0, at.right - all.right + 40);
  }
}
showHere();
addEventListener("resize", showHere);
