// Copyright 2026 the xparo_bridge authors
// SPDX-License-Identifier: Apache-2.0
// The stick of teleop. While something is held it says so fifteen times a second over a WebSocket of its own, so that
// silence is a reason to stop. It is locked while the page shows nothing new or a command is unanswered; what was held
// then counts no more, and must be let go and held again.
const PERIOD = 66; // ms
const DEAD = 0.12; // of a gamepad's deflection
const UNSEEN = 1500; // ms without word of the page's server: what the page shows is old
const LATE = 1500; // ms that its word is on the way, behind pictures: so old is all that the page shows
const DRIFT = 1e-4; // by which two clocks may differ
const UNANSWERED = 1000; // ms
const AGAIN = 500; // ms between two tries to reach the console
const REFUSED = 1500; // ms for which a refusal is shown
const KEYS = { ArrowUp: [1, 0], KeyW: [1, 0], ArrowDown: [-1, 0], KeyS: [-1, 0], ArrowLeft: [0, 1], KeyA: [0, 1], ArrowRight: [0, -1], KeyD: [0, -1] };

export default {
  template: `<div><div role="alert" class="xc-locked" :class="{ 'xc-hidden': !problem }"><span v-if="problem" class="xc-chip xc-bad">Locked: {{ problem }}</span></div>
    <div ref="pad" class="xparo-pad" tabindex="0" role="application" :aria-disabled="String(!!problem)"
    aria-label="Stick: hold the arrow keys to drive"><div ref="knob" class="xparo-knob"></div></div>
    <div class="xc-soft">{{ ages }}</div></div>`,
  props: { driver: String, linear: Number, angular: Number },
  data() { return { problem: "the console is not connected yet", ages: "" }; },
  mounted() {
    Object.assign(this, {
      held: new Set(), stick: null, driving: false, rested: false, socket: null, retry: 0,
      seenAt: 0, ages_: {}, least: Infinity, leastAt: 0, late: 0, why: "", waiting: 0, trip: null, refusal: "", refusedAt: 0,
    });
    const pad = this.$refs.pad;
    pad.addEventListener("keydown", (event) => {
      if (!KEYS[event.code] || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      if (!event.repeat) { this.held.add(event.code); this.tick(); }
    });
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
    this.dial();
  },
  unmounted() {
    clearInterval(this.timer); this.drop(); this.hang();
    document.removeEventListener("visibilitychange", this.hide);
    window.removeEventListener("blur", this.away);
  },
  watch: {
    driver(driver, before) {
      this.hang(); this.dial();
      // Who took it by keyboard has it at hand; the button that was pressed is gone.
      if (driver && !before) setTimeout(() => this.$refs.pad && this.$refs.pad.focus(), 50);
    },
  },
  methods: {
    // --- the way to the robot ---
    hang() { clearTimeout(this.retry); const socket = this.socket; this.socket = null; if (socket) socket.close(); },
    dial() {
      if (!this.driver) return;
      const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/teleop/${this.driver}`);
      this.socket = socket; this.waiting = 0; this.seenAt = performance.now();
      socket.onmessage = (event) => this.heard(JSON.parse(event.data));
      socket.onclose = () => { if (this.socket === socket) { this.socket = null; this.retry = setTimeout(() => this.dial(), AGAIN); } };
    },
    heard(said) {
      const now = performance.now();
      if (said.answered) { this.trip = now - said.answered * 1000; if (said.answered * 1000 >= this.waiting) this.waiting = 0; }
      if (said.refused) { this.refusal = said.refused; this.refusedAt = now; this.waiting = 0; }
    },
    send(linear, angular) {
      const now = performance.now();
      if (linear || angular) this.waiting = this.waiting || now;
      this.socket.send(JSON.stringify({ at: now / 1000, linear: linear * this.linear, angular: angular * this.angular }));
    },
    seen(ages, why, at) {
      const now = performance.now(), trip = now - 1000 * at; // The clocks need not agree: late is what took longer than the quickest.
      this.least = Math.min(trip, this.least + DRIFT * (now - this.leastAt)); this.leastAt = now;
      this.late = trip - this.least;
      this.ages_ = ages; this.why = why; this.seenAt = now;
    },
    locked() {
      const now = performance.now(), silent = now - this.seenAt, waits = this.waiting ? now - this.waiting : 0;
      if (!this.socket || this.socket.readyState !== WebSocket.OPEN) return "the console cannot be reached";
      if (silent > UNSEEN) return `this page has shown nothing new for ${(silent / 1000).toFixed(0)} s`;
      if (this.late > LATE) return `this page shows all ${(this.late / 1000).toFixed(0)} s late; if that stays so, load it again`;
      if (this.why) return this.why;
      if (waits > UNANSWERED && waits < 5 * UNANSWERED) return `a command is unanswered for ${(waits / 1000).toFixed(0)} s`;
      if (waits) this.waiting = waits < UNANSWERED ? this.waiting : 0; // Lost; whether the next is answered shows.
      return this.refusal && now - this.refusedAt < REFUSED ? this.refusal : "";
    },
    // --- what is held ---
    drop() { this.held.clear(); this.stick = null; this.rested = false; this.tick(); },
    point(event) {
      const box = this.$refs.pad.getBoundingClientRect(), r = box.width / 2;
      let x = (event.clientX - box.left - r) / r, y = (r - (event.clientY - box.top)) / r;
      const far = Math.hypot(x, y);
      if (far > 1) { x /= far; y /= far; }
      this.stick = [y, -x];
    },
    gamepad() {
      for (const gamepad of navigator.getGamepads ? navigator.getGamepads() : []) {
        if (!gamepad || !gamepad.connected || !document.hasFocus()) continue;
        const at = [-gamepad.axes[1], -gamepad.axes[0]], holds = gamepad.buttons.some((button) => button.pressed);
        if (!holds) { this.rested = true; continue; }
        if (this.rested && Math.hypot(...at) > DEAD) return at; // Not by a button that was held from before.
      }
      return null;
    },
    wanted() {
      if (this.stick) return this.stick;
      if (this.held.size) {
        const sum = [0, 0];
        for (const code of this.held) { sum[0] += KEYS[code][0]; sum[1] += KEYS[code][1]; }
        return sum.map((part) => Math.max(-1, Math.min(1, part)));
      }
      return this.gamepad();
    },
    tick() {
      if (!this.driver) { this.held.clear(); this.stick = null; this.rested = false; return; }
      this.problem = this.locked();
      if (this.problem) { this.held.clear(); this.stick = null; this.rested = false; }
      const wanted = this.problem ? null : this.wanted();
      const knob = this.$refs.knob;
      if (knob) knob.style.transform = wanted ? `translate(${-wanted[1] * 72}px, ${-wanted[0] * 72}px)` : "";
      if (wanted) { this.driving = true; this.send(...wanted); } else if (this.driving) {
        this.driving = false;
        if (this.socket && this.socket.readyState === WebSocket.OPEN) this.send(0, 0);
      }
      const since = (performance.now() - this.seenAt + this.late) / 1000;
      const said = Object.entries(this.ages_).map(([name, age]) => `${name} ${age === null ? "of unknown age" : (age + since).toFixed(1) + " s old"}`);
      this.ages = [...said, `commands answered in ${this.trip === null ? "…" : this.trip.toFixed(0) + " ms"}`].join(", ");
    },
  },
};
