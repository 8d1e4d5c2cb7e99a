// <passkey-button>: has the browser ask a passkey, and sends its form with the answer.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const known = (list) => (list || []).map((d) => ({ ...d, id: bytes(d.id) }));

function question(options, make) {
  const publicKey = { ...options, challenge: bytes(options.challenge) };
  if (make) {
    publicKey.user = { ...options.user, id: bytes(options.user.id) };
    publicKey.excludeCredentials = known(options.excludeCredentials);
  } else {
    publicKey.allowCredentials = known(options.allowCredentials);
  }
  return publicKey;
}

function answer(key) {
  const { response } = key;
  const said = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) said[name] = text(response[name]);
  }
  if (response.getTransports) said.transports = response.getTransports();
  return JSON.stringify({
    id: key.id, rawId: text(key.rawId), type: key.type, response: said,
    authenticatorAttachment: key.authenticatorAttachment, clientExtensionResults: {},
  });
}

// Why a browser got no answer, in words for people.
const reasons = {
  NotAllowedError: "No passkey was used. Try again.",
  InvalidStateError: "This passkey is registered already.",
  SecurityError: "Passkeys cannot be used at this address.",
  NotSupportedError: "This browser does not support such a passkey.",
};

let pending; // one question at a time: a button ends what waits where a name is typed

class PasskeyButton extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("[data-ask]");
    if (!window.PublicKeyCredential) {
      if (button) this.tell("This browser does not support passkeys.");
      return;
    }
    button?.addEventListener("click", () => this.ask());
    if (this.dataset.kind === "fill") this.fill();
  }

  async fill() {
    if (await PublicKeyCredential.isConditionalMediationAvailable?.()) this.ask("conditional");
  }

  async ask(mediation) {
    const make = this.dataset.kind === "make";
    const publicKey = question(JSON.parse(this.dataset.options), make);
    pending?.abort();
    const { signal } = (pending = new AbortController());
    try {
      const key = await navigator.credentials[make ? "create" : "get"]({ publicKey, signal, ...(mediation && { mediation }) });
      this.send(answer(key));
    } catch (e) {
      if (!signal.aborted && !mediation) this.tell(reasons[e.name] || "The passkey did not answer. Try again.");
    }
  }

  // send leaves out what the form asks for otherwise: the passkey stands for it.
  send(value) {
    const input = this.querySelector("input");
    input.value = value;
    input.form.noValidate = true;
    input.form.requestSubmit();
  }

  tell(why) {
    const box = this.querySelector("[data-error]");
    box.textContent = why;
    box.hidden = false;
  }
}

customElements.define("passkey-button", PasskeyButton);
