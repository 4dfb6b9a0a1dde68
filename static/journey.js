// A journey's keys, swipes and pace. Each step is a link: without this file they are pressed one by one.
"use strict";
(() => {
  const one = (selector) => document.querySelector(selector);
  const pressed = (button, is) => button.setAttribute("aria-pressed", String(is));
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches || document.documentElement.dataset.motion;
  let seconds = 0, timer = 0, busy = false, wanted = null;

  // A step at a time: what is pressed while one is on its way is done when that has come, and htmx knows its links.
  // Pressed before, they would leave the page, and with it full screen and pace.
  function soon(act) {
    if (busy) wanted = act;
    else act();
  }
  const press = (selector) => soon(() => one(`#step ${selector}`)?.click());
  const go = (where) => press(`a[rel=${where}]`);
  function ready() {
    const act = wanted;
    busy = false;
    wanted = null;
    act?.();
  }
  const leave = () => one(".leave, .leave-by")?.click();

  // The pace begins to count when the photograph is there, and never runs where nobody sees it.
  function wait() {
    clearTimeout(timer);
    const image = one(".scene .light");
    if (!seconds || !image || document.hidden) return;
    if (!image.complete) return image.addEventListener("load", wait, { once: true });
    timer = setTimeout(() => go("next"), seconds * 1000);
  }

  function pace(to) {
    seconds = to;
    for (const button of document.querySelectorAll("[data-pace]")) pressed(button, Number(button.dataset.pace) === to);
    wait();
  }

  const controls = one(".pace"), whole = one(".whole-screen");
  if (controls) {
    controls.hidden = false;
    whole.hidden = !document.fullscreenEnabled;
    controls.addEventListener("click", ({ target }) => {
      if (target.dataset.pace) pace(Number(target.dataset.pace));
      if (target === whole) document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
    });
    document.addEventListener("fullscreenchange", () => { whole.textContent = document.fullscreenElement ? "Small again" : "Full screen"; });
  }
  document.addEventListener("visibilitychange", wait);

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.altKey || event.ctrlKey || event.metaKey || target.matches?.("input, textarea, select")) return;
    if (key === "Escape") return leave();
    if (document.documentElement.dataset.keys === "off") return;
    if (key === " ") {
      if (target.matches?.("button")) return;
      event.preventDefault();
      return seconds ? pace(0) : go("next");
    }
    if (key === "ArrowRight" || key === "ArrowLeft") return go(key === "ArrowRight" ? "next" : "prev");
    if (/^[1-5]$/.test(key)) press(`[data-mark="${key}"]:not([aria-pressed="true"])`);
  });

  let from = null;
  document.addEventListener("touchstart", ({ touches }) => { from = touches.length === 1 ? touches[0] : null; }, { passive: true });
  document.addEventListener("touchend", ({ changedTouches: [to] }) => {
    if (!from || visualViewport?.scale > 1) return;
    const across = to.clientX - from.clientX, down = to.clientY - from.clientY;
    if (Math.abs(across) > 50 && Math.abs(across) > 2 * Math.abs(down)) go(across < 0 ? "next" : "prev");
    from = null;
  }, { passive: true });

  document.addEventListener("htmx:beforeTransition", (event) => { if (still()) event.preventDefault(); });
  // What is no step (a veil, an error) is a page of its own.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target.id !== "step" || event.detail.serverResponse.includes('id="step"')) return;
    event.detail.shouldSwap = false;
    location.assign(event.detail.pathInfo.responsePath || event.detail.pathInfo.requestPath);
  });
  document.addEventListener("htmx:beforeRequest", ({ target }) => { if (target.matches("#step a[rel]")) busy = true; });
  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(failure, ready);
  document.addEventListener("htmx:afterSettle", (event) => {
    const told = one("#told"), sentence = [one("#step h1")?.textContent, one(".scene .light")?.alt].filter(Boolean).join(": ");
    if (told && told.textContent !== sentence) told.textContent = sentence;
    wait();
    if (event.target.id === "step") ready();
  });
})();
