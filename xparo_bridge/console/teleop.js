// Copyright 2026 the xparo_bridge authors
// SPDX-License-Identifier: Apache-2.0
// The stick of teleop. While something is held it says so ten times a second, so that silence is a reason to stop.
const PERIOD = 100; // ms
const DEAD = 0.12; // of a gamepad's deflection
const KEYS = { ArrowUp: [1, 0], KeyW: [1, 0], ArrowDown: [-1, 0], KeyS: [-1, 0], ArrowLeft: [0, 1], KeyA: [0, 1], ArrowRight: [0, -1], KeyD: [0, -1] };

export default {
  template: `<div ref="pad" class="xparo-pad" tabindex="0" role="application" :aria-disabled="String(!enabled)"
    aria-label="Stick: hold the arrow keys to drive"><div ref="knob" class="xparo-knob"></div></div>`,
  props: { enabled: Boolean },
  mounted() {
    Object.assign(this, { held: new Set(), stick: null, driving: false });
    const pad = this.$refs.pad;
    pad.addEventListener("keydown", (event) => { if (KEYS[event.code]) { event.preventDefault(); this.held.add(event.code); this.tick(); } });
    pad.addEventListener("keyup", (event) => { this.held.delete(event.code); this.tick(); });
    pad.addEventListener("blur", () => this.drop());
    pad.addEventListener("pointerdown", (event) => { pad.setPointerCapture(event.pointerId); pad.focus(); this.point(event); this.tick(); });
    pad.addEventListener("pointermove", (event) => { if (this.stick) this.point(event); });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) pad.addEventListener(end, () => { this.stick = null; this.tick(); });
    this.hide = () => { if (document.hidden) this.drop(); };
    this.away = () => this.drop();
    document.addEventListener("visibilitychange", this.hide);
    window.addEventListener("blur", this.away);
    this.timer = setInterval(() => this.tick(), PERIOD);
  },
  unmounted() {
    clearInterval(this.timer); this.drop();
    document.removeEventListener("visibilitychange", this.hide);
    window.removeEventListener("blur", this.away);
  },
  methods: {
    drop() { this.held.clear(); this.stick = null; this.tick(); },
    point(event) {
      const box = this.$refs.pad.getBoundingClientRect(), r = box.width / 2;
      let x = (event.clientX - box.left - r) / r, y = (r - (event.clientY - box.top)) / r;
      const far = Math.hypot(x, y);
      if (far > 1) { x /= far; y /= far; }
      this.stick = [y, -x];
    },
    wanted() {
      if (this.stick) return this.stick;
      if (this.held.size) {
        const sum = [0, 0];
        for (const code of this.held) { sum[0] += KEYS[code][0]; sum[1] += KEYS[code][1]; }
        return sum.map((part) => Math.max(-1, Math.min(1, part)));
      }
      for (const gamepad of navigator.getGamepads ? navigator.getGamepads() : []) {
        if (!gamepad || !document.hasFocus()) continue;
        const at = [-gamepad.axes[1], -gamepad.axes[0]];
        if (Math.hypot(...at) > DEAD) return at;
      }
      return null;
    },
    tick() {
      const wanted = this.enabled ? this.wanted() : null;
      const knob = this.$refs.knob;
      if (knob) knob.style.transform = wanted ? `translate(${-wanted[1] * 72}px, ${-wanted[0] * 72}px)` : "";
      if (wanted) { this.driving = true; this.$emit("drive", { linear: wanted[0], angular: wanted[1] }); }
      else if (this.driving) { this.driving = false; this.$emit("release"); }
    },
  },
};
