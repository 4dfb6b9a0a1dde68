// Passkeys: the browser makes or uses a key, and its answer goes along with the form.
"use strict";
(() => {
  async function answer(form) {
    const making = form.dataset.passkey === "create";
    let options = form.dataset.options && JSON.parse(form.dataset.options);
    if (!options) {
      const response = await fetch(form.dataset.from, { headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" } });
      if (!response.ok) throw new Error("no options");
      options = (await response.json()).request_options;
    }
    const alone = form.elements.passwordless?.checked;
    if (making && alone !== undefined) {
      const wanted = options.publicKey.authenticatorSelection;
      wanted.residentKey = alone ? "required" : "discouraged";
      wanted.requireResidentKey = alone;
      if (alone) wanted.userVerification = "required";
    }
    return making ? webauthnJSON.create(options) : webauthnJSON.get(options);
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!window.PublicKeyCredential) continue;
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const wrong = form.querySelector(".wrong[role=alert][hidden], .wrong.shown");
      if (wrong) wrong.hidden = true;
      try {
        form.elements.credential.value = JSON.stringify(await answer(form));
        form.submit();
      } catch {
        if (wrong) { wrong.hidden = false; wrong.classList.add("shown"); }
      }
    });
  }
})();
