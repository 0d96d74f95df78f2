// The desk: the browser is the phone. One audio line, negotiated when the seat is taken, and again after a reload or
// a change of network; calls come and go on it without another negotiation.

const root = document.querySelector("[data-live]");
const phone = document.getElementById("phone");
const words = document.getElementById("words").dataset;
const heard = document.getElementById("heard");
const sound = phone.querySelector(".sound");
const muteButton = phone.querySelector(".mute");
const seat = document.getElementById("seat");
const check = document.getElementById("check");
const advice = seat.querySelector(".advice");
const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

const GATHER_MS = 1000; // candidates of this machine's own addresses come within 200
const DISCONNECTED_MS = 1500; // shorter gaps mend themselves
const RETRY_MS = [500, 1000, 2000, 4000];
const STATS_MS = 2000;

let wanted = false; // the seat is taken in this window
let microphone = null;
let line = null; // { connection, where } once the answer is there
let attempt = 0;
let turn = 0; // of connecting: an older one that comes late is dropped
let retrying = null;

const me = () => root.querySelector("[data-parts=me] > *")?.dataset ?? { state: "", line: "", edge: "" };
const remembered = {
  get: () => sessionStorage.getItem("seat") === "taken",
  set: (taken) => (taken ? sessionStorage.setItem("seat", "taken") : sessionStorage.removeItem("seat")),
};

function tell(text, kind = "") {
  sound.textContent = text;
  sound.dataset.kind = kind;
}

function advise(text) {
  advice.textContent = text;
  advice.hidden = !text;
}

// -- the line ----------------------------------------------------------------------------------------------------

async function take() {
  advise("");
  if (!navigator.mediaDevices?.getUserMedia) return advise(words.insecure);
  try {
    microphone ??= await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    const known = { NotAllowedError: words.notAllowed, NotFoundError: words.notFound, NotReadableError: words.notReadable };
    return advise(known[error.name] ?? error.message);
  }
  for (const track of microphone.getAudioTracks()) track.onended = microphoneGone;
  wanted = true;
  attempt = 0;
  remembered.set(true);
  watchVoice();
  await connect();
  show();
}

function leave() {
  wanted = false;
  remembered.set(false);
  clearTimeout(retrying);
  drop();
  for (const track of microphone?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
  microphone = null;
  show();
}

async function microphoneGone() {
  microphone = null; // the headset was pulled out: whatever is there now takes over
  await take();
}

function drop() {
  turn += 1;
  if (line) {
    line.connection.onconnectionstatechange = null;
    line.connection.close();
  }
  line = null;
}

function prefer(connection) {
  const known = RTCRtpReceiver.getCapabilities("audio").codecs;
  const ours = known.filter((codec) => codec.mimeType === "audio/PCMA" || (codec.mimeType === "audio/telephone-event" && codec.clockRate === 8000));
  for (const each of connection.getTransceivers()) each.setCodecPreferences?.(ours);
}

function gathered(connection) {
  if (connection.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const late = setTimeout(resolve, GATHER_MS);
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState !== "complete") return;
      clearTimeout(late);
      resolve();
    });
  });
}

async function connect() {
  drop();
  const mine = turn;
  tell(words.opening);
  const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  line = { connection, where: "" };
  for (const track of microphone.getAudioTracks()) connection.addTrack(track, microphone);
  prefer(connection);
  connection.ontrack = (event) => {
    heard.srcObject = event.streams[0] ?? new MediaStream([event.track]);
    heard.play().catch(() => {});
  };
  connection.onconnectionstatechange = () => changed(connection, mine);
  try {
    await connection.setLocalDescription();
    await gathered(connection);
    const answer = await fetch(phone.dataset.line, {
      method: "POST",
      body: connection.localDescription.sdp,
      headers: { "Content-Type": "application/sdp", "X-CSRFToken": token },
    });
    if (mine !== turn) return;
    if (answer.status === 409 || answer.status === 403 || answer.status === 401) {
      advise(await answer.text());
      return leave();
    }
    if (!answer.ok) throw new Error(await answer.text());
    line.where = answer.headers.get("Location");
    await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  } catch (error) {
    if (mine === turn) again(error.message);
  }
}

function changed(connection, mine) {
  if (mine !== turn) return;
  const state = connection.connectionState;
  if (state === "connected") {
    attempt = 0;
    advise("");
    tell(words.open, "good");
  } else if (state === "failed") {
    again(words.failed);
  } else if (state === "disconnected") {
    tell(words.lost, "bad");
    setTimeout(() => mine === turn && connection.connectionState === "disconnected" && again(""), DISCONNECTED_MS);
  }
}

function again(why) {
  if (!wanted) return;
  drop();
  tell(words.lost, "bad");
  if (attempt >= 2 && why) root.dispatchEvent(new CustomEvent("say", { detail: why }));
  clearTimeout(retrying);
  retrying = setTimeout(connect, RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)]);
  attempt += 1;
}

function sayGoodbye() {
  if (line?.where) fetch(line.where, { method: "DELETE", keepalive: true, headers: { "X-CSRFToken": token } });
}

// -- what the floor says -----------------------------------------------------------------------------------------

let seen = { state: "", line: "", edge: "" };

function show() {
  const now = me();
  const away = now.state === "logged_out" || (!now.line && !wanted && now.state !== "");
  phone.hidden = !wanted;
  seat.hidden = !(away || (now.line && !wanted)) || now.state === "";
  seat.querySelector(".alone").hidden = now.state !== "logged_out";
  seat.querySelector(".take").textContent = now.line && !wanted ? words.here : seat.querySelector("h2").textContent;
  check.hidden = !(wanted && now.state === "paused" && now.line === "open");
}

function follow() {
  const before = seen;
  const now = me();
  seen = { state: now.state, line: now.line, edge: now.edge };
  ringing();
  if (wanted && line?.where) {
    const own = line.where.endsWith(`/${now.edge}`);
    if (now.state === "logged_out" && before.state !== "logged_out" && before.state !== "") return leave();
    if (now.line === "open" && !own && before.edge && before.edge !== now.edge && line.where.endsWith(`/${before.edge}`)) {
      advise(words.elsewhere);
      return leave();
    }
    if (now.line === "away" && own && line.connection.connectionState === "connected") again("");
  }
  show();
}

const title = document.title;
function ringing() {
  const rings = root.querySelector("[data-part=rings], [data-part=asked-rings]");
  document.title = rings ? `☎ ${words.rings} · ${title}` : title;
  if (!rings) return;
  const focused = document.activeElement;
  if (focused === document.body || focused?.id === "main") rings.querySelector(".answer")?.focus();
}

const changes = new MutationObserver(follow);
for (const parts of root.querySelectorAll("[data-parts=me], [data-parts=contact]")) changes.observe(parts, { childList: true });

// -- microphone --------------------------------------------------------------------------------------------------

let voice = null;
function watchVoice() {
  const context = (voice ??= new AudioContext());
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(microphone).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const mine = microphone;
  const meter = phone.querySelector(".voice");
  const step = () => {
    if (microphone !== mine) return;
    analyser.getFloatTimeDomainData(samples);
    const loud = Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length);
    meter.value = Math.min(1, loud * 6);
    if (loud > 0.02) check.querySelector("[data-check=mic] span").textContent = "✓";
    setTimeout(step, 100);
  };
  step();
}

function mute() {
  const track = microphone?.getAudioTracks()[0];
  if (!track) return;
  track.enabled = !track.enabled;
  muteButton.setAttribute("aria-pressed", String(!track.enabled));
  muteButton.classList.toggle("muted", !track.enabled);
}

setInterval(async () => {
  if (line?.connection.connectionState !== "connected") return;
  let roundTrip = 0;
  let lost = 0;
  let received = 0;
  for (const each of (await line.connection.getStats()).values()) {
    if (each.type === "candidate-pair" && each.nominated) roundTrip = 1000 * (each.currentRoundTripTime ?? 0);
    if (each.type === "inbound-rtp") [lost, received] = [each.packetsLost, each.packetsReceived];
  }
  const share = received ? (100 * lost) / (lost + received) : 0;
  const verdict = share > 5 || roundTrip > 400 ? words.poor : share > 1 || roundTrip > 200 ? words.fair : words.good;
  check.querySelector("[data-check=net] span").textContent = `${verdict} · ${Math.round(roundTrip)} ms · ${share.toFixed(1)} %`;
}, STATS_MS);

// -- hands -------------------------------------------------------------------------------------------------------

seat.querySelector(".take").addEventListener("click", take);
muteButton.addEventListener("click", mute);

root.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (!opener) return;
  const dialog = document.getElementById(opener.dataset.open);
  const field = dialog.querySelector("input");
  if (field) field.value = "";
  dialog.showModal();
});
document.body.addEventListener("htmx:afterRequest", (event) => {
  const dialog = event.target.closest?.("#transfer");
  if (dialog && event.detail.successful) dialog.close();
  if (event.target.closest?.(".idle") && event.detail.successful) event.target.reset();
});
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || !/^F\d+$/.test(event.key)) return;
  const button = event.key === "F7" ? muteButton : root.querySelector(`[data-part] [data-key=${event.key}], [data-key=${event.key}]`);
  if (!button || button.offsetParent === null || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  button.click();
});

window.addEventListener("pagehide", sayGoodbye);
window.addEventListener("online", () => wanted && line?.connection.connectionState !== "connected" && again(""));

const written = document.getElementById("written");
if (written) {
  const note = root.querySelector(`input[name=call][value="${CSS.escape(written.dataset.call)}"]`)?.form.elements.note;
  if (note && !note.value) note.value = written.value;
}
follow();
if (remembered.get() && me().state !== "logged_out") take();
