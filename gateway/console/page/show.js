// What all pages are made with. Everything that a node tells is text: nothing of it is ever read as HTML.

export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, does] of Object.entries(value)) node.addEventListener(event, does);
    else if (value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
}

const compact = new Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1});
const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});

export const count = n => n == null ? "" : Math.abs(n) < 100000 ? whole.format(n) : compact.format(n);
export const plural = (n, one) => `${count(n)} ${one}${n === 1 ? "" : "s"}`;
export const rate = n => n == null ? "" : n > 0 && n < 10 ? n.toFixed(1) : count(n);

export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; bytes >= 1024 && i < units.length - 1; i++) bytes /= 1024;
  return (i && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)) + " " + units[i];
}

export function span(seconds) {
  if (seconds < 1) return Math.round(seconds * 1000) + " ms";
  if (seconds < 120) return Math.round(seconds) + " s";
  if (seconds < 7200) return Math.round(seconds / 60) + " min";
  return seconds < 172800 ? (seconds / 3600).toFixed(1) + " h" : (seconds / 86400).toFixed(1) + " d";
}

export const clock = text => text ? new Date(text).toLocaleTimeString("en-GB") : "";

const states = {
  idle: ["idle", "idle"], delivering: ["good", "delivering"], draining: ["warn", "draining"], late: ["warn", "late"],
  slow: ["warn", "slow"], failing: ["bad", "not delivering"], stopped: ["bad", "stopped"],
};

export function badge(state) {
  const [kind, words] = states[state] ?? ["idle", state];
  return el("span", {class: "badge " + kind}, words);
}

const kinds = {stopped: "Stopped", backup: "Backup", slow: "Slow"};
const outlook = t => t.stopped ? " It waits until somebody has looked." : t.slow ? "" : " It is tried again and resumes by itself.";

export function reasons(stream) {
  const all = stream.troubles.map(t => el("p", {class: "why"}, el("b", {}, kinds[["stopped", "backup", "slow"].find(k => t[k])] ?? "Not delivering"),
    (t.since ? " since " + clock(t.since) : "") + ": " + t.reason.replace(/\.?$/, "."), outlook(t)));
  if (stream.failing) all.push(el("p", {class: "why"}, el("b", {}, "Records fail"), `, ${count(stream.failing.count)} since ${clock(stream.failing.first)}, the last one at ${clock(stream.failing.last)}. They are in the error output, from where they can be replayed. `,
    el("code", {}, stream.failing.code), ": " + stream.failing.message));
  if (stream.state === "late") all.push(el("p", {class: "why"}, el("b", {}, "Late"), ": the oldest record waits longer than the stream's interval explains."));
  return all;
}

export const isLate = s => ["late", "slow", "failing", "stopped"].includes(s.state) && s.oldest_seconds > 0;

export const tile = (name, value, more, late) =>
  el("div", {class: late ? "tile late" : "tile"}, el("dt", {}, name), el("dd", {}, value, more ? el("small", {}, more) : null));

export const panel = (title, ...children) => el("section", {class: "panel"}, el("h2", {}, title), ...children);

export function table(columns, rows, empty) {
  if (!rows.length) return el("p", {class: "hint"}, empty);
  return el("div", {class: "scroll"}, el("table", {class: "cards wide"},
    el("thead", {}, el("tr", {}, ...columns.map(c => el("th", {scope: "col", class: c.n && "n"}, c.name)))),
    el("tbody", {}, ...rows.map(r => el("tr", {}, ...columns.map(c => el("td", {class: c.n && "n", "data-label": c.name}, c.show(r))))))));
}

// slot is a place whose content is made anew only when what it shows has changed.
export function slot(make) {
  const node = el("div");
  let shown;
  node.show = (...values) => {
    const text = JSON.stringify(values);
    if (text === shown) return;
    shown = text;
    node.replaceChildren(...[make(...values)].flat());
  };
  return node;
}
