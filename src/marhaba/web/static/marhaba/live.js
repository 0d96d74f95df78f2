// A live page: a snapshot of parts, then changes, each part under its id; and clocks that count here.

const root = document.querySelector("[data-live]");
let ahead = 0; // the floor's clock minus ours, in seconds
let source = null;

function container(id) {
  return root.querySelector(`[data-parts="${CSS.escape(id.split("/", 1)[0])}"]`);
}

function element(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild;
}

// As the server drew it, without what the clocks say.
function bare(part) {
  const copy = part.cloneNode(true);
  for (const each of copy.querySelectorAll("time[data-since], time[data-until]")) each.textContent = "";
  return copy.outerHTML;
}

// What the reader was doing in the part stays: an open menu, the focus.
function replace(old, fresh) {
  if (old.querySelector("details[open]")) fresh.querySelector("details")?.setAttribute("open", "");
  const focused = old.contains(document.activeElement)
    ? [...old.querySelectorAll("summary, button, a")].indexOf(document.activeElement)
    : -1;
  old.replaceWith(fresh);
  window.htmx?.process(fresh);
  if (focused >= 0) [...fresh.querySelectorAll("summary, button, a")][focused]?.focus();
}

function put(id, html) {
  const place = container(id);
  if (!place) return;
  const fresh = element(html);
  const old = document.getElementById(id);
  if (old) {
    if (bare(old) !== bare(fresh)) replace(old, fresh);
  } else {
    place.append(fresh);
    window.htmx?.process(fresh);
  }
}

function apply(change) {
  if (change.at) ahead = change.at - Date.now() / 1000;
  for (const id of change.gone) document.getElementById(id)?.remove();
  for (const [id, html] of Object.entries(change.parts)) put(id, html);
  tick();
}

function snapshot(change) {
  for (const place of root.querySelectorAll("[data-parts]"))
    for (const part of [...place.children]) if (!(part.id in change.parts)) part.remove();
  apply(change);
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

function tick() {
  const now = Date.now() / 1000 + ahead;
  for (const each of root.querySelectorAll("time[data-since]")) each.textContent = clock(now - Number(each.dataset.since));
  for (const each of root.querySelectorAll("time[data-until]")) each.textContent = clock(Number(each.dataset.until) - now);
  const wall = root.querySelector("time.clock");
  if (wall) wall.textContent = new Date(now * 1000).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", timeZone: wall.dataset.zone });
}

function listen() {
  source = new EventSource(root.dataset.live);
  source.addEventListener("snapshot", (event) => snapshot(JSON.parse(event.data)));
  source.addEventListener("change", (event) => apply(JSON.parse(event.data)));
  source.onopen = () => root.classList.remove("cut");
  source.onerror = () => {
    root.classList.add("cut");
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000); // refused: after a sign-in it is let in again
  };
}

function say(text) {
  const toast = root.querySelector(".toast");
  if (!toast) return;
  toast.textContent = text;
  toast.hidden = !text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => (toast.hidden = true), 6000);
}

document.body.addEventListener("htmx:responseError", (event) => say(event.detail.xhr.responseText));
root.addEventListener("say", (event) => say(event.detail));
document.addEventListener("click", (event) => {
  const chosen = event.target.closest(".menu button");
  for (const menu of root.querySelectorAll("details[open]"))
    if (chosen || !menu.contains(event.target)) menu.removeAttribute("open");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of root.querySelectorAll("details[open]")) {
    menu.removeAttribute("open");
    menu.querySelector("summary").focus();
  }
});

ahead = Number(root.dataset.at) ? Number(root.dataset.at) - Date.now() / 1000 : 0;
tick();
setInterval(tick, 1000);
listen();
window.addEventListener("pagehide", () => source?.close());
