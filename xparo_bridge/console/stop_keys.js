// Copyright 2026 the xparo_bridge authors
// SPDX-License-Identifier: Apache-2.0
// The keys that stop the robot, wherever the focus is: heard before any other element of the page, as a button takes
// Space for itself. Nobody else hears them, so that Ctrl+Space on a button stops and does not press it too.
export default {
  template: `<span hidden></span>`,
  mounted() {
    this.taken = "";
    this.down = (event) => {
      if (event.code !== "F9" && !(event.code === "Space" && event.ctrlKey)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      this.taken = event.code;
      if (!event.repeat) this.$emit("stop");
    };
    this.up = (event) => {
      if (event.code !== this.taken) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      this.taken = "";
    };
    window.addEventListener("keydown", this.down, true);
    window.addEventListener("keyup", this.up, true);
  },
  unmounted() {
    window.removeEventListener("keydown", this.down, true);
    window.removeEventListener("keyup", this.up, true);
  },
};
