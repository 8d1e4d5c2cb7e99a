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

// [data-slug-of]: follows the field of that id for as long as nobody writes something of their own.
document.addEventListener("input", ({ target }) => {
  const slug = target.id && $(`[data-slug-of="${CSS.escape(target.id)}"]`);
  if (!slug || slug.value !== (slug.dataset.made ?? "")) return;
  slug.value = slug.dataset.made = target.value.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
});

for (const [name, type] of Object.entries({ "live-parts": LiveParts, "code-editor": CodeEditor, "order-list": OrderList, "sort-list": SortList }))
  customElements.define(name, type);
