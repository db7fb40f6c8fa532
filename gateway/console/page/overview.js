import {rightsOf} from "./key.js";
import {badge, count, el, isLate, rate, reasons, size, slot, span, tile} from "./show.js";

const errors = s => Object.entries(s.errors).map(([type, n]) => `${type} ${count(n)}`).join(", ") || "none";

const columns = [
  ["State", s => badge(s.state)],
  ["Oldest undelivered", s => s.oldest_seconds ? span(s.oldest_seconds) : "none", "n"],
  ["In /s", s => `${rate(s.rates.in)} · ${size(s.rates.in_bytes)}`, "n"],
  ["Out /s", s => `${rate(s.rates.out)} · ${size(s.rates.out_bytes)}`, "n"],
  ["Backlog", s => `${count(s.pending)} · ${size(s.pending_bytes)}`, "n"],
  ["Object size", s => s.object_bytes ? size(s.object_bytes) : "–", "n"],
  ["Failed records", errors],
];

// row is a stream's line and the reasons below it. They change in place, so that the keyboard's focus stays.
function row(name) {
  const cells = columns.map(([label, , kind]) => el("td", {"data-label": label, class: kind}));
  const line = el("tr", {"data-stream": name}, el("th", {scope: "row"}, el("a", {href: "#/streams/" + encodeURIComponent(name)}, name)), ...cells);
  const why = el("td", {colspan: columns.length + 1}), below = el("tr", {class: "reasons"}, why);
  return {
    nodes: [line, below],
    show(s) {
      columns.forEach(([, value], i) => cells[i].replaceChildren(value(s)));
      cells[1].classList.toggle("late", isLate(s));
      why.replaceChildren(...reasons(s));
    },
  };
}

export function overviewPage() {
  const rows = new Map(), body = el("tbody");
  const failing = slot(all => all.map(f => el("p", {class: "why"}, el("b", {}, "Not ready, " + f.name), ": " + f.reason)));
  const tiles = el("dl", {class: "tiles"});
  const table = el("div", {class: "panel scroll"}, el("table", {class: "cards"},
    el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "Stream"), ...columns.map(([label, , kind]) => el("th", {scope: "col", class: kind}, label)))), body));
  const empty = el("p", {class: "panel", hidden: ""}, "There is no stream yet: define one in the configuration, or make one through the Firehose API or here.");
  const create = el("a", {class: "button", id: "create", href: "#/new", hidden: ""}, "New stream");
  rightsOf().then(rights => { create.hidden = !rights.has("CreateDeliveryStream"); });
  return {
    title: "Streams",
    node: el("div", {}, el("h1", {}, "Streams"), failing, tiles, table, empty, create),
    show(view) {
      failing.show(view.node.failing);
      const sum = of => view.streams.reduce((n, s) => n + of(s), 0);
      const oldest = view.streams.reduce((a, s) => s.oldest_seconds > (a?.oldest_seconds ?? 0) ? s : a, null);
      tiles.replaceChildren(
        tile("Oldest undelivered", oldest ? span(oldest.oldest_seconds) : "none", oldest ? oldest.name : "everything is delivered", view.streams.some(isLate)),
        tile("In", rate(sum(s => s.rates.in)) + " /s", size(sum(s => s.rates.in_bytes)) + "/s"),
        tile("Out", rate(sum(s => s.rates.out)) + " /s", size(sum(s => s.rates.out_bytes)) + "/s"),
        tile("Backlog", count(sum(s => s.pending)), size(sum(s => s.pending_bytes))),
        tile("Disk", size(view.node.disk_bytes), "of " + size(view.node.max_disk_bytes)));
      empty.hidden = view.streams.length > 0;
      table.hidden = !view.streams.length;
      const names = view.streams.map(s => s.name);
      if (names.join("\n") !== [...rows.keys()].join("\n")) {
        const known = new Map(rows);
        rows.clear();
        for (const name of names) rows.set(name, known.get(name) ?? row(name));
        body.replaceChildren(...[...rows.values()].flatMap(r => r.nodes));
      }
      for (const s of view.streams) rows.get(s.name).show(s);
    },
  };
}
