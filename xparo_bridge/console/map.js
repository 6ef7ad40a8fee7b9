// Copyright 2026 the xparo_bridge authors
// SPDX-License-Identifier: Apache-2.0
// The map canvas. Lengths in m in the map's frame (x right, y up), angles in rad, counter-clockwise.
const TRAIL = 600; // poses that are kept of the way that was driven
const PRESS = 9; // px; a shorter drag is a press, without a heading
const PIN = 18; // px around a place that count as the place

export default {
  template: `<div class="xparo-map"><canvas ref="canvas" tabindex="0" role="img" :aria-label="label"></canvas></div>`,
  props: { label: String },
  mounted() {
    Object.assign(this, {
      mode: "look", map: null, image: null, pose: null, path: null, places: {}, goal: null, trail: [],
      scale: 40, cx: 0, cy: 0, fitted: false, pointers: new Map(), press: null, drawing: false,
    });
    const canvas = this.$refs.canvas;
    canvas.xparoMap = this; // for tests: where a point of the map is on the page
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.moved(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", (event) => { this.pointers.delete(event.pointerId); this.press = null; this.draw(); });
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.zoom(Math.exp(-event.deltaY / 500), event.offsetX, event.offsetY); }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.$el);
    this.theme = new MutationObserver(() => { this.image = null; this.draw(); });
    this.theme.observe(document.body, { attributes: true, attributeFilter: ["class"] });
    this.draw();
    this.$emit("ready");
  },
  unmounted() { this.observer.disconnect(); this.theme.disconnect(); },
  methods: {
    set_map(map) { this.map = map; this.image = null; if (map && !this.fitted) this.fit(); this.draw(); },
    set_pose(pose) {
      this.pose = pose;
      const last = this.trail[this.trail.length - 1];
      if (pose && (!last || Math.hypot(pose.x - last.x, pose.y - last.y) > 0.05)) {
        this.trail.push({ x: pose.x, y: pose.y });
        if (this.trail.length > TRAIL) this.trail.shift();
      }
      if (pose && !this.map && !this.fitted) { this.cx = pose.x; this.cy = pose.y; this.fitted = true; }
      this.draw();
    },
    set_path(points) { this.path = points; this.draw(); },
    set_places(places) { this.places = places || {}; this.draw(); },
    set_goal(goal) { this.goal = goal; this.draw(); },
    set_mode(mode) { this.mode = mode; this.press = null; this.$refs.canvas.style.cursor = mode === "look" ? "grab" : "crosshair"; this.draw(); },
    fit() {
      const box = this.$el.getBoundingClientRect();
      if (!this.map || !box.width) return;
      const w = this.map.width * this.map.resolution, h = this.map.height * this.map.resolution;
      const o = this.map.origin, c = Math.cos(o.yaw), s = Math.sin(o.yaw);
      this.cx = o.x + (c * w - s * h) / 2; this.cy = o.y + (s * w + c * h) / 2;
      this.scale = 0.94 * Math.min(box.width / w, box.height / h);
      this.fitted = true; this.draw();
    },
    // --- from the map to the canvas and back ---
    at(x, y) {
      const box = this.$refs.canvas;
      return [box.clientWidth / 2 + (x - this.cx) * this.scale, box.clientHeight / 2 - (y - this.cy) * this.scale];
    },
    world(px, py) {
      const box = this.$refs.canvas;
      return { x: this.cx + (px - box.clientWidth / 2) / this.scale, y: this.cy - (py - box.clientHeight / 2) / this.scale };
    },
    zoom(by, px, py) {
      const before = this.world(px, py);
      this.scale = Math.min(2000, Math.max(1, this.scale * by));
      const after = this.world(px, py);
      this.cx += before.x - after.x; this.cy += before.y - after.y; this.draw();
    },
    // --- pointers ---
    down(event) {
      this.$refs.canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
      if (this.pointers.size > 1) { this.press = null; return; } // Two fingers zoom, in any mode.
      if (this.mode === "look") return;
      const pin = this.mode === "place" ? this.pin(event.offsetX, event.offsetY) : null;
      this.press = { from: [event.offsetX, event.offsetY], to: [event.offsetX, event.offsetY], pin };
      this.draw();
    },
    moved(event) {
      const was = this.pointers.get(event.pointerId);
      if (!was) return;
      const now = [event.offsetX, event.offsetY];
      if (this.pointers.size > 1) {
        const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
        const spread = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]) || 1;
        this.zoom(spread(now) / spread(was), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      } else if (this.press) { this.press.to = now; } else if (this.mode === "look") {
        this.cx -= (now[0] - was[0]) / this.scale; this.cy += (now[1] - was[1]) / this.scale;
      }
      this.pointers.set(event.pointerId, now);
      this.draw();
    },
    up(event) {
      this.pointers.delete(event.pointerId);
      const press = this.press;
      this.press = null;
      if (!press) return;
      if (press.pin) { this.$emit("move", { name: press.pin, ...this.world(...press.to) }); this.draw(); return; }
      const [dx, dy] = [press.to[0] - press.from[0], press.to[1] - press.from[1]];
      const yaw = Math.hypot(dx, dy) > PRESS ? Math.atan2(-dy, dx) : null;
      this.$emit(this.mode === "goal" ? "goal" : "place", { ...this.world(...press.from), yaw });
      this.draw();
    },
    pin(px, py) {
      for (const [name, place] of Object.entries(this.places)) {
        const [x, y] = this.at(place.x, place.y);
        if (Math.hypot(px - x, py - y) < PIN) return name;
      }
      return null;
    },
    key(event) {
      const step = 40 / this.scale, box = this.$refs.canvas;
      if (event.key === "ArrowLeft") this.cx -= step; else if (event.key === "ArrowRight") this.cx += step;
      else if (event.key === "ArrowUp") this.cy += step; else if (event.key === "ArrowDown") this.cy -= step;
      else if (event.key === "+" || event.key === "=") this.zoom(1.25, box.clientWidth / 2, box.clientHeight / 2);
      else if (event.key === "-") this.zoom(0.8, box.clientWidth / 2, box.clientHeight / 2);
      else if (event.key === "Escape") this.press = null; else return;
      event.preventDefault(); this.draw();
    },
    // --- drawing, once a frame at most ---
    draw() {
      if (this.drawing) return;
      this.drawing = true;
      requestAnimationFrame(() => { this.drawing = false; this.paint(); });
    },
    colour(name) { return getComputedStyle(document.body).getPropertyValue(name).trim(); },
    paint() {
      const canvas = this.$refs.canvas;
      if (!canvas || !canvas.clientWidth) return;
      if (this.map && !this.fitted) this.fit();
      const ratio = window.devicePixelRatio || 1;
      const [w, h] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
      if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
      const c = canvas.getContext("2d");
      c.setTransform(ratio, 0, 0, ratio, 0, 0);
      c.fillStyle = this.colour("--quiet-ground"); c.fillRect(0, 0, w, h);
      if (this.map) this.paintMap(c);
      this.line(c, this.trail.map((p) => [p.x, p.y]), this.colour("--soft"), 2, [3, 4]);
      if (this.path) this.line(c, this.path, this.colour("--accent"), 3, []);
      for (const [name, place] of Object.entries(this.places)) this.paintPlace(c, name, place);
      if (this.goal) this.arrow(c, ...this.at(this.goal.x, this.goal.y), this.goal.yaw, this.colour("--good"), 22);
      if (this.pose) this.paintRobot(c);
      if (this.press) {
        const [from, to] = [this.press.from, this.press.to];
        const yaw = Math.hypot(to[0] - from[0], to[1] - from[1]) > PRESS ? Math.atan2(from[1] - to[1], to[0] - from[0]) : null;
        if (this.press.pin) this.arrow(c, ...to, null, this.colour("--wait"), 18); else this.arrow(c, ...from, yaw, this.colour("--wait"), 30);
      }
    },
    paintMap(c) {
      const map = this.map;
      if (!this.image) {
        const raw = atob(map.cells), dark = document.body.classList.contains("body--dark");
        const image = new ImageData(map.width, map.height);
        const [free, solid, unknown] = dark ? [58, 190, 36] : [255, 40, 205];
        for (let i = 0; i < raw.length; i++) {
          const cell = (raw.charCodeAt(i) << 24) >> 24, row = map.height - 1 - Math.floor(i / map.width);
          const shade = cell < 0 ? unknown : free + ((solid - free) * cell) / 100;
          const at = 4 * (row * map.width + (i % map.width));
          image.data[at] = image.data[at + 1] = image.data[at + 2] = shade; image.data[at + 3] = 255;
        }
        this.image = document.createElement("canvas");
        this.image.width = map.width; this.image.height = map.height;
        this.image.getContext("2d").putImageData(image, 0, 0);
      }
      const size = map.resolution * this.scale, [x, y] = this.at(map.origin.x, map.origin.y);
      c.save(); c.translate(x, y); c.rotate(-map.origin.yaw); c.imageSmoothingEnabled = false;
      c.drawImage(this.image, 0, -map.height * size, map.width * size, map.height * size); c.restore();
    },
    line(c, points, colour, width, dash) {
      if (points.length < 2) return;
      c.beginPath(); c.strokeStyle = colour; c.lineWidth = width; c.setLineDash(dash);
      points.forEach((p, i) => { const [x, y] = this.at(p[0], p[1]); if (i) c.lineTo(x, y); else c.moveTo(x, y); });
      c.stroke(); c.setLineDash([]);
    },
    paintPlace(c, name, place) {
      const [x, y] = this.at(place.x, place.y);
      c.beginPath(); c.arc(x, y, 6, 0, 2 * Math.PI); c.fillStyle = this.colour("--wait"); c.fill();
      c.strokeStyle = this.colour("--panel"); c.lineWidth = 2; c.stroke();
      c.font = "13px system-ui, sans-serif"; c.lineWidth = 3; c.strokeText(name, x + 9, y + 4);
      c.fillStyle = this.colour("--ink"); c.fillText(name, x + 9, y + 4);
    },
    paintRobot(c) {
      const [x, y] = this.at(this.pose.x, this.pose.y), size = Math.max(10, 0.22 * this.scale);
      c.save(); c.translate(x, y); c.rotate(-(this.pose.yaw || 0)); c.beginPath(); c.moveTo(size * 1.4, 0);
      c.lineTo(-size, size * 0.9); c.lineTo(-size * 0.5, 0); c.lineTo(-size, -size * 0.9); c.closePath();
      c.fillStyle = this.colour("--accent"); c.fill(); c.lineWidth = 2; c.strokeStyle = this.colour("--panel"); c.stroke(); c.restore();
    },
    arrow(c, x, y, yaw, colour, length) {
      c.save(); c.translate(x, y); c.beginPath(); c.arc(0, 0, 9, 0, 2 * Math.PI); c.lineWidth = 4; c.strokeStyle = colour; c.stroke();
      if (yaw !== null && yaw !== undefined) {
        c.rotate(-yaw); c.beginPath(); c.moveTo(9, 0); c.lineTo(length + 9, 0); c.moveTo(length, -7); c.lineTo(length + 9, 0); c.lineTo(length, 7); c.stroke();
      }
      c.restore();
    },
  },
};
