import {el, size} from "./show.js";

const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const axis = space => ({size: space, stroke: () => style("--muted"), grid: {stroke: () => style("--line"), width: 1}, ticks: {stroke: () => style("--line"), width: 1}});
const colors = ["--a", "--b", "--bad"], dashes = [[], [6, 4], [2, 3]];
const dark = matchMedia("(prefers-color-scheme: dark)");

const powers = Array.from({length: 50}, (_, i) => 2 ** i);
const moments = (_, ticks, axis, space, step) => ticks.map(t => new Date(t * 1000).toLocaleTimeString("en-GB", step < 60 ? {} : {hour: "2-digit", minute: "2-digit"}));

// plot draws columns of a history against time. lines are names of columns and what they are called.
export function plot(title, lines, format) {
  const target = el("div", {role: "img", "aria-label": title + ", the last 15 minutes"});
  const node = el("section", {class: "panel"}, el("h2", {}, title), target);
  const y = axis(72);
  y.values = (_, ticks) => ticks.map(t => t == null ? "" : format(t));
  if (format === size) y.incrs = powers;
  const x = {...axis(30), space: 70, values: moments};
  const series = lines.map(([, label], i) => ({
    label, stroke: () => style(colors[i]), width: 1.5, dash: dashes[i], points: {show: false}, value: (_, v) => v == null ? "" : format(v),
  }));
  let chart;
  const width = () => Math.max(target.clientWidth, 120);
  const redraw = () => chart?.redraw();
  const observer = new ResizeObserver(() => chart?.setSize({width: width(), height: 170}));
  node.show = history => {
    if (!history?.time) return;
    const data = [history.time, ...lines.map(([name]) => history[name])];
    if (chart) return chart.setData(data);
    chart = new uPlot({
      width: width(), height: 170, scales: {y: {range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1]}},
      axes: [x, y], series: [{label: "time", value: (_, v) => v == null ? "" : new Date(v * 1000).toLocaleTimeString("en-GB")}, ...series],
    }, data, target);
    observer.observe(target);
    dark.addEventListener("change", redraw);
  };
  node.leave = () => {
    observer.disconnect();
    dark.removeEventListener("change", redraw);
    chart?.destroy();
  };
  return node;
}
