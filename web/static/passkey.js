/* Passkeys: asks the browser what the page says, puts the answer into the page's form and sends it. Nothing else. */
"use strict";

(() => {
  const form = document.querySelector("form[data-passkey]");
  if (form === null) {
    return;
  }
  const part = (name) => form.querySelector(`[data-part="${name}"]`);
  const show = (name) => {
    for (const one of ["without", "unable", "failed", "ready"]) {
      part(one).hidden = one !== name && !(one === "ready" && name === "failed");
    }
  };

  const bytes = (text) => {
    const standard = text.replace(/-/g, "+").replace(/_/g, "/");
    return Uint8Array.from(atob(standard), (character) => character.charCodeAt(0));
  };
  const text = (buffer) => {
    const characters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
    return btoa(characters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  const named = (credentials) => (credentials || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const asked = () => {
    const question = JSON.parse(form.dataset.question);
    question.challenge = bytes(question.challenge);
    if (form.dataset.passkey === "create") {
      question.user.id = bytes(question.user.id);
      question.excludeCredentials = named(question.excludeCredentials);
    } else {
      question.allowCredentials = named(question.allowCredentials);
    }
    return question;
  };

  const answered = (credential) => {
    const given = credential.response;
    const response = { clientDataJSON: text(given.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (given[name]) {
        response[name] = text(given[name]);
      }
    }
    return JSON.stringify({
      id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {},
    });
  };

  const start = async () => {
    show("ready");
    try {
      const publicKey = asked();
      const credential = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey })
        : await navigator.credentials.get({ publicKey });
      form.elements.namedItem(form.dataset.field).value = answered(credential);
      form.submit();
    } catch {
      show("failed");
    }
  };

  if (!window.PublicKeyCredential) {
    show("unable");
    return;
  }
  part("start").addEventListener("click", start);
  start();
})();
