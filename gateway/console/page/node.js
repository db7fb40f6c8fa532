import {clock, count, el, panel, size, slot, span, tile} from "./show.js";
import {ask} from "./key.js";
import {plot} from "./plot.js";

export function nodePage() {
  const failing = slot(all => all.length ? all.map(f => el("p", {class: "why"}, el("b", {}, f.name), ": " + f.reason)) : el("p", {}, "The node is ready."));
  const tiles = el("dl", {class: "tiles"});
  const plots = [
    [plot("Sync of the disk", [["sync", "mean"], ["sync_max", "slowest"]], span)],
    [plot("Memory of the process", [["memory", "memory"]], size)],
    [plot("Buffer on the disk", [["disk", "disk"]], size)],
  ].flat();
  const configuration = slot(text => el("pre", {tabindex: "0", "aria-label": "Configuration"}, text));
  const build = slot((version, revision, go, started) => el("p", {}, `Version ${version}, revision ${revision}, ${go}, started ${new Date(started).toLocaleString("en-GB")}.`));
  return {
    title: "Node",
    node: el("div", {}, el("h1", {}, "Node"), failing, tiles, el("div", {class: "plots"}, ...plots), panel("Build", build),
      panel("Configuration in force", el("p", {class: "hint"}, "Secrets are masked. Streams made through the API are on their own pages."), configuration)),
    async show({node, time}) {
      failing.show(node.failing);
      build.show(node.version, node.revision, node.go, node.started);
      tiles.replaceChildren(
        tile("Disk", size(node.disk_bytes), "of " + size(node.max_disk_bytes), node.disk_bytes > node.max_disk_bytes * .9),
        tile("Sync", node.sync_seconds ? span(node.sync_seconds) : "none", node.sync_max_seconds ? "slowest " + span(node.sync_max_seconds) : "since the last look"),
        tile("Memory", size(node.memory_bytes), `${size(node.memory_used_bytes)} of ${size(node.memory_budget_bytes)} budget`),
        tile("Uploads now", count(node.uploading)),
        tile("Damaged ranges", count(node.damaged_ranges), node.damaged_ranges ? "see hydrant inspect" : "", node.damaged_ranges > 0),
        tile("Up for", span((new Date(time) - new Date(node.started)) / 1000), "since " + clock(node.started)));
      const detail = await ask("node");
      plots.forEach(p => p.show(detail.history));
      configuration.show(detail.configuration);
    },
    leave: () => plots.forEach(p => p.leave()),
  };
}
