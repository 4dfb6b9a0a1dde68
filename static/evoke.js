// What HTML and CSS cannot do: photographs that fade in over their placeholders, keys, copying, the grid's transition.
// Every page works without this file.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);

  // A photograph that has not arrived waits unseen over its placeholder, then fades in.
  function fadeIn(root) {
    for (const image of all("img.light", root)) {
      if (image.complete) continue;
      image.classList.add("waiting");
      const show = () => image.classList.remove("waiting");
      image.addEventListener("load", show, { once: true });
      image.addEventListener("error", show, { once: true });
    }
  }

  function say(sentence) {
    const span = document.createElement("span");
    span.textContent = sentence;
    one("#said").replaceChildren(span);
  }

  // Touch: "Rate" opens the marks over the photograph; without this file it leads to the photograph's page.
  document.addEventListener("click", (event) => {
    const rate = event.target.closest(".rate-open");
    if (rate) {
      event.preventDefault();
      const shot = rate.closest(".shot");
      for (const other of all(".shot.open")) if (other !== shot) other.classList.remove("open");
      shot.classList.toggle("open");
    }
  });

  // More photographs: the first new one takes the focus when "more" was pressed, not when it was scrolled to.
  let pressed = false, last = null;
  document.addEventListener("click", (event) => { pressed = Boolean(event.target.closest("#more")); }, true);
  document.addEventListener("htmx:beforeRequest", () => { last = one("#wall > .shot:last-of-type"); });
  document.addEventListener("htmx:afterSwap", (event) => {
    fadeIn(event.target);
    if (event.target.id !== "wall" || !pressed) return;
    pressed = false;
    const next = last ? last.nextElementSibling : null;
    one(".frame", next || one("#after"))?.focus({ preventScroll: true });
  });
  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"])
    document.addEventListener(failure, () => say("That did not go through. Please try again."));

  // Keys act on the photograph that has the focus or lies under the pointer, and can be switched off.
  const keysOn = one("#keys-on");
  const remembered = () => { if (document.documentElement.dataset.keys === "off") return false; try { return localStorage.getItem("keys") !== "off"; } catch { return true; } };
  if (keysOn) {
    keysOn.checked = remembered();
    keysOn.addEventListener("change", () => { try { localStorage.setItem("keys", keysOn.checked ? "on" : "off"); } catch { /* private window */ } });
    const open = one(".keys-open");
    open.hidden = false;
    open.addEventListener("click", () => one("#keys").showModal());
  }

  function step(from, key) {
    const shots = all(".shot:not(:has(.gone))");
    if (!from) return shots[0];
    const sideways = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (sideways) return shots[shots.indexOf(from) + sideways];
    const here = from.getBoundingClientRect(), middle = here.left + here.width / 2;
    const down = key === "ArrowDown";
    const beyond = shots.map((shot) => [shot, shot.getBoundingClientRect()]).filter(([, box]) => (down ? box.top >= here.bottom - 1 : box.bottom <= here.top + 1));
    const distance = ([, box]) => Math.abs(down ? box.top - here.bottom : here.top - box.bottom) * 4 + Math.abs(box.left + box.width / 2 - middle);
    return beyond.sort((a, b) => distance(a) - distance(b))[0]?.[0];
  }

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.altKey || event.ctrlKey || event.metaKey || target.matches?.("input, textarea, select") || one("dialog[open]")) return;
    if (!(keysOn ? keysOn.checked : remembered())) return;
    const onPhoto = one(".photo");
    const shot = target.closest?.(".shot") || one("#wall .shot:hover");
    if (key === "?" && keysOn) return one("#keys").showModal();
    if (key.startsWith("Arrow")) {
      if (onPhoto && !target.closest?.(".similar")) {
        const link = { ArrowLeft: "prev", ArrowRight: "next" }[key];
        return link && one(`.step[rel=${link}]`)?.click();
      }
      const next = step(shot, key);
      if (!next || (!shot && key.match(/Up|Down/))) return;
      event.preventDefault();
      one(".frame", next).focus({ focusVisible: true });
      return next.scrollIntoView({ block: "nearest" });
    }
    const form = shot ? one(".marks", shot) : onPhoto && one(".answers");
    if (!form) return;
    if (/^[1-5]$/.test(key)) one(`[data-mark="${key}"]:not([aria-pressed="true"])`, form)?.click();
    if (key === "x") one(".less, .undo", form)?.click();
  });

  // Copying the credit.
  for (const button of all(".copy-button")) {
    if (!navigator.clipboard) break;
    button.hidden = false;
    button.addEventListener("click", () => navigator.clipboard.writeText(one("#credit").value).then(
      () => say("Copied."), () => one("#credit").select()));
  }

  // The photograph grows from its place in the grid into its page, and back.
  const path = (address) => (address ? new URL(address).pathname : "");
  function named(address, event) {
    if (!event.viewTransition || matchMedia("(prefers-reduced-motion: reduce)").matches || document.documentElement.dataset.motion) return;
    const frame = one("#light") || one(`.shot > .frame[href^="${CSS.escape(path(address)).replaceAll("\\/", "/")}"]`);
    if (!frame || !/^\/photo\//.test(path(address)) === !one("#light")) return;
    frame.style.viewTransitionName = "light";
    event.viewTransition.finished.finally(() => { frame.style.viewTransitionName = ""; });
  }
  addEventListener("pageswap", (event) => named(event.activation?.entry?.url, event));
  addEventListener("pagereveal", (event) => named(self.navigation?.activation?.from?.url, event));

  fadeIn(document);
})();
