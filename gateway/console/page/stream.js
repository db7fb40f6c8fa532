import {badge, clock, count, el, isLate, panel, plural, rate, reasons, size, slot, span, table, tile} from "./show.js";
import {plot} from "./plot.js";
import {bytes, recordForm} from "./record.js";
import {replayPanel} from "./replay.js";
import {ask, pathOf, rightsOf} from "./key.js";

const objectColumns = [
  {name: "Key", show: o => el("code", {}, o.key)},
  {name: "Size", n: true, show: o => o.delivered ? size(o.stored) : "–"},
  {name: "Records", n: true, show: o => count(o.records)},
  {name: "Seal", show: o => [o.reason, o.backup ? "backup" : "", o.error ?? ""].filter(Boolean).join(", ")},
  {name: "Delivered", n: true, show: o => o.delivered ? clock(o.delivered) : "waits"},
];
const partitionColumns = [
  {name: "Prefix", show: p => el("code", {}, p.prefix + (p.error ? " (" + p.error + ")" : ""))},
  {name: "Records", n: true, show: p => count(p.records)},
  {name: "Bytes", n: true, show: p => size(p.bytes)},
  {name: "Oldest record", n: true, show: p => clock(p.oldest)},
];
const errorColumns = [
  {name: "Last", show: e => clock(e.last)},
  {name: "Times", n: true, show: e => count(e.count)},
  {name: "Code", show: e => el("code", {class: "whole"}, e.code)},
  {name: "Message", show: e => el("code", {}, e.message)},
];

const failedRecord = f => el("div", {class: "record"},
  el("p", {}, el("b", {}, f.code || "failed"), `, arrived ${clock(f.arrival)}: ${f.message}`),
  el("pre", {}, bytes(f.data) + (f.size > atob(f.data).length ? `\n… the first of ${f.size} bytes` : "")));

export function streamPage(name) {
  const url = pathOf(name);
  const state = el("span"), failing = slot(all => all.map(f => el("p", {class: "why"}, el("b", {}, "The node is not ready, " + f.name), ": " + f.reason))), why = slot(s => reasons(s)), tiles = el("dl", {class: "tiles"});
  const plots = [
    plot("Records a second", [["in", "in"], ["out", "out"], ["failed", "failed"]], rate),
    plot("Backlog, records", [["pending", "pending"]], rate),
    plot("Oldest undelivered record", [["oldest", "age"]], span),
  ];
  const objects = slot(all => table(objectColumns, all, "None since the node started."));
  const partitions = slot(p => p ? [el("p", {class: "hint"}, p.total > p.oldest.length ? `The oldest ${p.oldest.length} of ${count(p.total)}.` : p.total ? `${p.total} open.` : ""),
    table(partitionColumns, p.oldest, "No partition takes records now.")] : el("p", {class: "hint"}, "Delivery is busy; the next look may show them."));
  const faults = slot(all => table(errorColumns, all, "None since the node started."));
  const failed = slot(all => all.length ? all.map(failedRecord) : el("p", {class: "hint"}, "None since the node started."));
  const definition = slot(text => el("pre", {tabindex: "0", "aria-label": "Definition"}, text));
  const gone = el("p", {class: "why", hidden: ""}, "There is no stream of this name now.");
  const form = recordForm(name), replay = replayPanel(name);
  const flushed = el("span", {class: "hint", "aria-live": "polite"});
  const flush = el("button", {type: "button", class: "plain", id: "flush", hidden: "", on: {click: async () => {
    try {
      const {objects, records} = await ask(url + "/flush", "");
      flushed.textContent = objects ? `Sealed: ${plural(objects, "object")} with ${plural(records, "record")}, on the way now.` : "There was nothing to seal.";
    } catch (e) { flushed.textContent = e.message; }
  }}}, "Flush now");
  const edit = el("a", {class: "button plain", id: "edit", hidden: "", href: `#/${url}/edit`}, "Edit");
  const owner = el("p", {class: "hint"});
  let open = true, rights, last;
  const look = path => ask(url + path);
  function allow() {
    if (!last || !rights) return;
    const s = last.streams.find(s => s.name === name);
    flush.hidden = !rights.has("flush");
    edit.hidden = !rights.has("UpdateDestination") || !s || s.configured;
    owner.textContent = s?.configured ? "The stream is defined in the node's configuration file, and changes there." : "";
    form.allow(last.write, rights);
  }
  rightsOf(name).then(known => {
    rights = known;
    allow();
    if (open) replay.allow(rights);
  });
  async function details() {
    try {
      const d = await look("");
      if (!open) return;
      plots.forEach(p => p.show(d.history));
      objects.show(d.objects);
      partitions.show(d.partitions);
      faults.show(d.errors.reverse());
      definition.show(d.definition);
    } catch { return; } // the next tick looks again
    try { failed.show(await look("/failed")); } catch (e) { failed.replaceChildren(el("p", {class: "hint"}, e.message)); }
  }
  return {
    title: name,
    node: el("div", {}, el("h1", {}, name + " ", state), gone, failing, why, tiles, el("p", {class: "actions"}, flush, edit, flushed), el("div", {class: "plots"}, ...plots), panel("Test record", form.node),
      panel("Last objects", objects), panel("Open partitions", partitions), panel("Errors of delivery", faults),
      panel("Failed records", el("p", {class: "hint"}, "The last ones that went to the error output, at most 20, since the node started."), replay.node, failed),
      panel("Definition", owner, definition)),
    show(view) {
      last = view;
      const s = view.streams.find(s => s.name === name);
      failing.show(view.node.failing);
      gone.hidden = Boolean(s);
      if (!s) return;
      state.replaceChildren(badge(s.state));
      why.show({troubles: s.troubles, state: s.state, failing: s.failing});
      allow();
      tiles.replaceChildren(
        tile("Oldest undelivered", s.oldest_seconds ? span(s.oldest_seconds) : "none", "", isLate(s)),
        tile("In", rate(s.rates.in) + " /s", `${count(s.accepted)} in all`),
        tile("Out", rate(s.rates.out) + " /s", `${count(s.delivered)} in ${count(s.objects)} objects`),
        tile("Backlog", count(s.pending), size(s.pending_bytes)),
        tile("Failed records", count(Object.values(s.errors).reduce((a, b) => a + b, 0)), Object.keys(s.errors).join(", ")),
        tile("Destination", "", s.destination));
      details();
    },
    leave() { open = false; plots.forEach(p => p.leave()); form.leave(); replay.leave(); },
  };
}
