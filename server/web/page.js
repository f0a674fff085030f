// The live page. Every event of /api/events is the complete state, and is drawn immediately.
import { listen } from "./live.js";
import { Rate } from "./rate.js";
import { drawCycle, hideCycle } from "./cycle.js";
import { show, time, number, party, sourceLine } from "./words.js";

const messages = new Rate(document.getElementById("messages-spark"));
const deliveries = new Rate(document.getElementById("deliveries-spark"));
let now = { status: "connecting" };  // what is on the screen
let worst = null;                    // the last state that was not alive
let report = null;                   // the stall report for it

listen("/api/events", { state: draw, gone: drawGone });

function draw(state) {
  if (state.server.pid !== now.server?.pid) {  // a different server than before, or the first
    messages.clear();
    deliveries.clear();
    worst = report = null;
  }
  const changed = state.status !== now.status || state.verdict !== now.verdict;
  if (state.status !== "alive") worst = state;
  now = state;
  drawStatus(state);
  drawNumbers(state);
  drawLock(state.lock);
  if (state.status === "alive") {
    hideCycle();
    document.getElementById("lock").hidden = false;
  } else {
    drawStall();
    if (changed || !isComplete(report)) fetchReport(state);
  }
}

// The report may appear a moment after the status changes, and the names in its stack a moment after the report.
const isComplete = (report) => Boolean(report?.thread.stack);

let asking = false;
async function fetchReport(state) {
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch("/api/stall");
    const found = answer.ok ? await answer.json() : null;
    report = found && found.verdict === now.verdict ? found : null;
  } catch {
    report = null;
  }
  // Not at every event if there is no report.
  setTimeout(() => { asking = false; }, isComplete(report) ? 0 : 500);
  if (now.status === state.status) drawStall();
}

function drawStall() {
  // A complete drawing replaces the lock's card, because everything must fit on one screen.
  document.getElementById("lock").hidden = drawCycle(now, report);
}

function drawStatus(state) {
  document.body.dataset.status = state.status;
  const word = { alive: "ALIVE", starved: "STARVED" }[state.status] ?? `STALLED: ${state.verdict.toUpperCase()}`;
  show("status", word);
  document.title = `${word} · ${state.server.mutex} mutex · chat-server`;
  show("since", since(state));
  show("mutex", state.server.mutex === "std" ? "std::mutex" : "async mutex");
  show("guard", state.server.guard === "released" ? "released before the co_await" : "held across the co_await");
  show("server", `${state.server.chat}  pid ${state.server.pid}  version ${state.server.version}`);
}

function since(state) {
  if (state.status !== "alive") return `for ${time(state.for_ms)}`;
  if (state.verdict) return `but ${state.verdict}`;
  if (worst) return `again for ${time(state.uptime_ms - worst.uptime_ms)}, after it was ${worst.verdict} for ${time(worst.for_ms)}`;
  return `for ${time(state.uptime_ms)}`;
}

function drawNumbers(state) {
  const counted = state.counters;
  show("clients", number(counted.clients));
  const odd = [[counted.closed_slow_readers, "slow readers closed"], [counted.gaps, "gaps"],
               [counted.refused_connections, "refused"]].filter(([count]) => count > 0);
  show("clients-more", odd.map(([count, what]) => `${number(count)} ${what}`).join(", "));
  show("messages", number(messages.add(state.uptime_ms, counted.messages)));
  show("deliveries", number(deliveries.add(state.uptime_ms, counted.deliveries)));
  const stalled = state.status === "stalled";
  const lag = state.recent_lag.count > 0 ? `≤ ${time(state.recent_lag.p99_us / 1000)}` : "–";
  show("lag", stalled ? time(state.for_ms) : lag);
  show("lag-more", stalled ? "no answer yet" : "99 % of probes");
  document.getElementById("lag").classList.toggle("hot", stalled);
}

function drawLock(lock) {
  const holder = document.getElementById("holder");
  holder.replaceChildren();
  if (lock.holder) {
    const asleep = document.createElement("div");
    if (lock.holder.suspended_at) asleep.append("is suspended in ", sourceLine(lock.holder.suspended_at));
    const reason = document.createElement("div");
    reason.className = "soft";
    if (lock.holder.awaiting) reason.append(`until: ${lock.holder.awaiting}`);
    holder.append(...party(lock.holder), asleep, reason);
  } else {
    holder.append("nobody");
  }
  show("waiting", lock.waiting === 0 ? "waiting" : `waiting: ${number(lock.waiting)}`);
  const rows = lock.waiters.map((waiter) => {
    const row = document.createElement("li");
    row.append(...party(waiter));
    return row;
  });
  if (lock.waiting > rows.length) {
    const rest = document.createElement("li");
    rest.append(`and ${number(lock.waiting - rows.length)} more`);
    rows.push(rest);
  }
  if (rows.length === 0) rows.push("nobody");
  document.getElementById("waiters").replaceChildren(...rows);
}

function drawGone(seconds) {
  if (now.status === "connecting" && seconds < 1) return;
  document.body.dataset.status = "gone";
  show("status", "GONE");
  show("since", `no data from the server for ${time(seconds * 1000)}; reconnecting`);
  document.title = "GONE · chat-server";
  now = { ...now, status: "gone" };
}
