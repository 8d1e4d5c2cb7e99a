// Every page works without this file: it saves round trips and asks before what cannot be undone.

const $ = (sel, root = document) => root.querySelector(sel);

function say(text) {
  let box = $("#say");
  if (!box) {
    box = Object.assign(document.createElement("div"), { id: "say", className: "sr", role: "status" });
    document.body.append(box);
  }
  box.textContent = text;
}

// <confirm-form>: shows its dialog before its form is sent. The field "confirmed" tells the server that it was asked.
class ConfirmForm extends HTMLElement {
  connectedCallback() {
    const dialog = $("dialog", this);
    this.addEventListener("submit", (e) => {
      const form = e.target;
      if (form.dataset.confirmed) return;
      e.preventDefault();
      this.pending = { form, submitter: e.submitter };
      dialog.showModal();
      $("[data-close]", dialog)?.focus();
    });
    this.addEventListener("click", (e) => {
      if (!e.target.closest("[data-confirm]")) return;
      const { form, submitter } = this.pending;
      form.dataset.confirmed = "1";
      const field = Object.assign(document.createElement("input"), { type: "hidden", name: "confirmed", value: "1" });
      form.append(field);
      form.requestSubmit(submitter);
    });
  }
}

// <copy-text>: its button copies the text of its code element.
class CopyText extends HTMLElement {
  connectedCallback() {
    const button = $("[data-copy]", this);
    button?.addEventListener("click", async () => {
      const text = $("code", this).textContent.trim();
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        getSelection().selectAllChildren($("code", this)); // no clipboard without TLS
        return say("Selected; press Ctrl C to copy");
      }
      say("Copied");
      const use = $("use", button);
      const was = use?.getAttribute("href");
      if (!was || was.endsWith("#check")) return;
      use.setAttribute("href", was.replace(/#.*/, "#check"));
      setTimeout(() => use.setAttribute("href", was), 1500);
    });
  }
}

// <reveal-input>: shows and hides a password.
class RevealInput extends HTMLElement {
  connectedCallback() {
    const button = $("[data-reveal]", this);
    const input = $("input", this);
    button.addEventListener("click", () => {
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    });
    input.form?.addEventListener("submit", () => (input.type = "password")); // or browsers do not offer to save it
  }
}

// <flash-note>: good news leaves by itself unless someone is at it.
class FlashNote extends HTMLElement {
  connectedCallback() {
    $("[data-dismiss]", this)?.addEventListener("click", () => this.leave());
    if (this.dataset.tone === "ok") this.wait();
  }
  wait() {
    setTimeout(() => (this.matches(":hover, :focus-within") ? this.wait() : this.leave()), 8000);
  }
  leave() {
    this.classList.add("leaving");
    setTimeout(() => this.remove(), 250);
  }
}

for (const [name, type] of Object.entries({
  "confirm-form": ConfirmForm, "copy-text": CopyText, "reveal-input": RevealInput, "flash-note": FlashNote,
})) customElements.define(name, type);

// swap fetches a page and puts the element with the given id in the place of the present one.
let asked = 0;
async function swap(url, id, keep = true) {
  const mine = ++asked;
  const old = document.getElementById(id);
  old?.setAttribute("aria-busy", "true");
  try {
    const res = await fetch(url, { headers: { "X-Partial": id } });
    const page = new DOMParser().parseFromString(await res.text(), "text/html");
    const fresh = page.getElementById(id);
    if (mine !== asked) return;
    if (!res.ok || res.redirected || !fresh) return location.assign(url);
    const focus = document.activeElement;
    const { name, value, selectionStart } = old.contains(focus) ? focus : {};
    old.replaceWith(document.adoptNode(fresh));
    if (keep) history.replaceState(null, "", url);
    const again = name && $(`[name="${CSS.escape(name)}"]`, fresh);
    again?.focus();
    if (again?.type === "search") {
      again.value = value; // more may have been typed meanwhile
      again.setSelectionRange(selectionStart, selectionStart);
    }
    localTimes(fresh);
    say($(".paging p, .empty-title", fresh)?.textContent ?? "Updated");
  } catch {
    location.assign(url);
  }
}

function filterURL(form) {
  const url = new URL(form.getAttribute("action"), location.href); // form.action would be a field of that name
  for (const [k, v] of new FormData(form)) if (v) url.searchParams.append(k, v);
  return url;
}

let typing;
document.addEventListener("input", (e) => {
  const form = e.target.closest("form[data-swap]");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => form.isConnected && swap(filterURL(form), form.dataset.swap), e.target.type === "search" ? 250 : 0);
});

document.addEventListener("submit", (e) => {
  const form = e.target;
  if (form.matches("form[data-swap]")) {
    e.preventDefault();
    clearTimeout(typing);
    swap(filterURL(form), form.dataset.swap);
  } else if (form.matches("[data-theme-form]")) {
    e.preventDefault();
    const theme = e.submitter.value;
    document.documentElement.dataset.theme = theme;
    for (const b of form.querySelectorAll("[name=theme]")) b.setAttribute("aria-pressed", String(b === e.submitter));
    const icon = $("use", e.submitter).getAttribute("href");
    $("[popovertarget=theme-menu] use").setAttribute("href", icon);
    form.hidePopover();
    const body = new FormData(form);
    body.set("theme", theme);
    fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(body), redirect: "manual", keepalive: true }).catch(() => {});
  } else if (form.getAttribute("method") === "post" && !e.defaultPrevented) {
    // A second click while the first is on its way must not send the form twice.
    if (form.dataset.sent) return e.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 4000);
  }
});
addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((f) => delete f.dataset.sent));

// Selection: one box for all of the page, and a count.
function recount(card) {
  const boxes = [...card.querySelectorAll("tbody .pick input:not(:disabled)")];
  const on = boxes.filter((b) => b.checked).length;
  const all = $("[data-select-all]", card);
  if (all) {
    all.checked = on > 0 && on === boxes.length;
    all.indeterminate = on > 0 && on < boxes.length;
  }
  const out = $("[data-count]", card);
  if (out && on > 0) out.textContent = `${on} ${on === 1 ? out.dataset.noun : out.dataset.plural} selected`;
}
document.addEventListener("change", (e) => {
  const card = e.target.closest(".table-card");
  if (!card) return;
  if (e.target.matches("[data-select-all]"))
    for (const b of card.querySelectorAll("tbody .pick input:not(:disabled)")) b.checked = e.target.checked;
  if (e.target.closest(".pick")) recount(card);
});
document.addEventListener("reset", (e) => setTimeout(() => e.target.closest(".table-card") && recount(e.target.closest(".table-card"))));
document.querySelectorAll(".table-card").forEach(recount);

function show(dialog) {
  dialog.showModal();
  ($("[aria-invalid]", dialog) ?? $("input:not([type=hidden]), textarea, select", dialog))?.focus();
}
document.addEventListener("click", (e) => {
  const opener = e.target.closest("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog && !e.ctrlKey && !e.metaKey) {
    e.preventDefault();
    show(dialog);
  }
  if (e.target.closest("[data-close]")) e.target.closest("dialog")?.close();
});
document.querySelectorAll("dialog[data-open]").forEach(show);

// Menus: arrow keys walk, and browsers without anchor positioning get their place here.
document.addEventListener("toggle", (e) => {
  const menu = e.target;
  if (!(menu instanceof Element) || !menu.matches(".menu") || e.newState !== "open") return;
  const button = $(`[popovertarget="${menu.id}"]`);
  if (!CSS.supports("position-area: bottom") && button) {
    const r = button.getBoundingClientRect();
    const top = r.bottom + menu.offsetHeight > innerHeight ? Math.max(8, r.top - menu.offsetHeight - 8) : r.bottom;
    Object.assign(menu.style, { position: "fixed", top: `${top}px`, left: `${Math.max(8, r.right - menu.offsetWidth)}px` });
  }
}, true);
document.addEventListener("keydown", (e) => {
  const menu = $(".menu:popover-open");
  const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
  if (menu && step && !$("dialog[open]")) {
    const items = [...menu.querySelectorAll("a.menu-item, button.menu-item")];
    const now = items.indexOf(document.activeElement);
    items.at((now < 0 && step < 0 ? -1 : now + step) % items.length)?.focus();
    e.preventDefault();
  }
  const search = $("[data-hotkey]");
  if (search && e.key === "k" && (e.ctrlKey || e.metaKey)) {
    e.preventDefault();
    search.select();
  }
});
if (/Mac/.test(navigator.platform)) document.querySelectorAll(".global-search kbd").forEach((k) => (k.textContent = "⌘ K"));

// Times: on hover also in the reader's own time zone.
function localTimes(root) {
  for (const t of root.querySelectorAll("time[title]"))
    t.title = `${new Date(t.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "long" })}\n${t.title}`;
}
localTimes(document);

// A form that only leads on, such as one with an answer for an application, sends itself.
$("form[data-leads-on]")?.requestSubmit();
