// Copyright 2026 the xparo_bridge authors
// SPDX-License-Identifier: Apache-2.0
// A behaviour tree as a drawing, root to the left. A node's status is a colour, a sign and a word.
const W = 168, H = 40, GAP_X = 34, GAP_Y = 12;
const LOOKS = {
  RUNNING: ["--wait-ground", "--wait", "▶"], SUCCESS: ["--good-ground", "--good", "✔"],
  FAILURE: ["--bad-ground", "--bad", "✖"], SKIPPED: ["--quiet-ground", "--soft", "↷"], IDLE: ["--panel", "--ink", ""],
};
const SVG = "http://www.w3.org/2000/svg";

export default {
  template: `<div class="xparo-tree" tabindex="0" role="group" aria-label="Drawing of the tree"><svg ref="svg" role="img" :aria-label="words"></svg></div>`,
  data() { return { words: "No tree" }; },
  mounted() { this.nodes = []; this.boxes = {}; this.statuses = {}; this.$emit("ready"); },
  methods: {
    set_tree(nodes) { this.nodes = nodes || []; this.statuses = {}; this.layout(); },
    set_status(statuses, messages) {
      for (const [uid, box] of Object.entries(this.boxes)) {
        const status = statuses[uid] || "IDLE";
        const [ground, ink, sign] = LOOKS[status] || LOOKS.IDLE;
        box.rect.style.fill = `var(${ground})`; box.rect.style.stroke = `var(${ink})`;
        box.rect.style.strokeWidth = status === "RUNNING" ? "3px" : "1.2px";
        box.sign.textContent = sign; box.sign.style.fill = `var(${ink})`;
        const why = messages && messages[uid] ? ": " + messages[uid] : "";
        box.title.textContent = `${box.label}: ${status}${why}`;
        box.group.setAttribute("data-status", status);
      }
      const running = Object.values(this.boxes).filter((box) => box.group.getAttribute("data-status") === "RUNNING");
      this.words = `Tree of ${this.nodes.length} nodes; running: ${running.map((box) => box.label).join(", ") || "none"}`;
    },
    layout() {
      const svg = this.$refs.svg;
      svg.replaceChildren(); this.boxes = {};
      const children = new Map();
      for (const node of this.nodes) { const list = children.get(node.parent) || []; list.push(node); children.set(node.parent, list); }
      let row = 0, deepest = 0;
      const place = (node, depth) => {
        deepest = Math.max(deepest, depth);
        const below = (children.get(node.uid) || []).map((child) => place(child, depth + 1));
        const y = below.length ? (below[0] + below[below.length - 1]) / 2 : row++ * (H + GAP_Y);
        this.draw(svg, node, depth * (W + GAP_X), y);
        (children.get(node.uid) || []).forEach((child, index) => {
          const line = this.make("path", { d: `M${depth * (W + GAP_X) + W} ${y + H / 2} h${GAP_X / 2} V${below[index] + H / 2} h${GAP_X / 2}`, fill: "none" });
          line.style.stroke = "var(--soft)"; svg.prepend(line);
        });
        return y;
      };
      for (const root of children.get(null) || []) place(root, 0);
      const [w, h] = [(deepest + 1) * (W + GAP_X), Math.max(row, 1) * (H + GAP_Y)];
      svg.setAttribute("width", w); svg.setAttribute("height", h); svg.setAttribute("viewBox", `-3 -3 ${w + 6} ${h + 6}`);
    },
    make(name, attributes) {
      const made = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      return made;
    },
    draw(svg, node, x, y) {
      const group = this.make("g", { transform: `translate(${x} ${y})`, "data-node": node.name, "data-status": "IDLE" });
      const rect = this.make("rect", { width: W, height: H, rx: node.kind === "Action" || node.kind === "Condition" ? 6 : 18 });
      const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
      const type = this.make("text", { x: 28, y: node.name === node.type ? 25 : 17, "font-size": 13, "font-weight": 600 });
      type.textContent = cut(node.type, 19); type.style.fill = "var(--ink)";
      const sign = this.make("text", { x: 8, y: 26, "font-size": 15 }), title = this.make("title", {});
      group.append(title, rect, sign, type);
      if (node.name !== node.type) {
        const name = this.make("text", { x: 28, y: 33, "font-size": 12 });
        name.textContent = cut(node.name, 21); name.style.fill = "var(--soft)"; group.append(name);
      }
      svg.append(group);
      const label = node.name === node.type ? node.type : `${node.type} ${node.name}`;
      this.boxes[node.uid] = { group, rect, sign, title, label };
    },
  },
};
