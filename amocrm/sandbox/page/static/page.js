// The page works without this file. With it, what changes in the sandbox appears by itself, forms
// keep the place on the page, and leads are dragged from stage to stage.
"use strict";

document.documentElement.classList.add("has-script");

const PAUSE = 400; // Milliseconds between two refreshes, so that a storm does not stop the browser.
const live = document.querySelector("[data-changes]");

/** Replaces every region that another copy of this page has, too, but for some. */
function swap(html, kept = "") {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const focused = document.activeElement;
  const focus = focused && focused.id;
  for (const region of document.querySelectorAll("[data-region]")) {
    const other = fresh.getElementById(region.id);
    if (!other || region.id === kept || other.innerHTML === region.innerHTML) continue;
    const open = [...region.querySelectorAll("details[open][id]")].map((one) => one.id);
    // The region itself stays, so that screen readers announce what is new in it.
    region.replaceChildren(...other.childNodes);
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
  }
  if (focus && document.activeElement.id !== focus) {
    const again = document.getElementById(focus);
    if (again) again.focus({ preventScroll: true });
  }
}

/** Whether a refresh would take something out of a person's hands. */
function isBusy() {
  const one = document.activeElement;
  const region = one && one.closest("[data-region]");
  const typing = region && one.matches("input, select, textarea");
  return Boolean(typing || document.querySelector(".dragged"));
}

/** Shows this page as it is now, and tells whether it could. */
async function refresh() {
  // What a form has answered is for the page that sent it, and stays there.
  const headers = { Accept: "text/html", "X-Refresh": "1" };
  const response = await fetch(location.href, { headers });
  const html = await response.text();
  if (isBusy()) return false;
  if (response.ok) swap(html, "notices");
  return true;
}

/** Sends a form, and shows what the page looks like then. */
async function send(form, button) {
  const data = new FormData(form, button);
  const response = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(data),
    headers: { Accept: "text/html" },
  });
  // A form that was taken must not be sent twice, whatever the next page is.
  if (!response.redirected) throw new Error(String(response.status));
  if (response.ok) swap(await response.text());
  else location.assign(response.url);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || !("quiet" in form.dataset)) return;
  event.preventDefault();
  // Whatever goes wrong is shown by the browser itself.
  send(form, event.submitter).catch(() => form.submit());
});

// Leads are dragged; the form of the card does the same for the keyboard.

const stageOf = (event) => event.target.closest && event.target.closest("[data-stage]");
let dragged = null;

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest ? event.target.closest("[data-lead]") : null;
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.dataset.lead);
  dragged.classList.add("dragged");
});

document.addEventListener("dragover", (event) => {
  const stage = dragged && stageOf(event);
  for (const one of document.querySelectorAll(".stage.over")) {
    if (one !== stage) one.classList.remove("over");
  }
  if (!stage) return;
  event.preventDefault();
  stage.classList.add("over");
});

document.addEventListener("drop", (event) => {
  const stage = dragged && stageOf(event);
  if (!stage) return;
  event.preventDefault();
  const form = dragged.querySelector("form");
  const select = form.elements.namedItem("status_id");
  if (stage === dragged.closest(".stage")) return;
  select.value = stage.dataset.stage;
  dragged.classList.remove("dragged");
  form.requestSubmit();
});

document.addEventListener("dragend", () => {
  if (dragged) dragged.classList.remove("dragged");
  dragged = null;
  for (const one of document.querySelectorAll(".stage.over")) one.classList.remove("over");
});

// A file is read into the text of its form, which is sent as any other.

document.addEventListener("change", async (event) => {
  const into = event.target.dataset && event.target.dataset.into;
  if (into && event.target.files.length) {
    document.getElementById(into).value = await event.target.files[0].text();
  }
});

// What changes is asked for again and again, each time waiting until something has changed.

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function watch(address, kinds) {
  let known = null;
  let stale = false;
  const shown = document.getElementById("live");
  for (;;) {
    try {
      const query = known === null ? "" : `?after=${known}&wait=${stale ? 1 : 20}`;
      const response = await fetch(address + query, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(String(response.status));
      const news = await response.json();
      stale ||= known !== null && kinds.some((kind) => news.changed.includes(kind));
      known = news.number;
      if (shown) shown.classList.add("on");
      if (stale && !isBusy()) stale = !(await refresh());
      await wait(news.has_room ? PAUSE : 2000);
    } catch {
      // The sandbox has ended, or begins again: its numbers are others then.
      if (shown) shown.classList.remove("on");
      await wait(2000);
    }
  }
}

if (live) watch(live.dataset.changes, live.dataset.kinds.split(" "));
