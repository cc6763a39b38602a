/* What the console adds when scripts run. Nothing here is needed to read a page or to send a form. */
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (selector, from = document) => from.querySelector(selector);
  const announce = (text) => { const live = one("#live"); if (live) { live.textContent = ""; setTimeout(() => { live.textContent = text; }, 30); } };
  const remember = (name, value) => {
    const secure = location.protocol === "https:" ? ";secure" : "";
    document.cookie = `${name}=${value};path=/;max-age=31536000;samesite=lax${secure}`;
  };
  const reveal = (from = document) => all("[data-needs-script]", from).forEach((element) => { element.hidden = false; });
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);

  const showTheme = () => {
    const button = one("[data-theme-toggle]");
    if (!button) return;
    const next = dark() ? "light" : "dark";
    button.setAttribute("aria-label", `Switch to ${next} theme`);
    all("[data-icon]", button).forEach((icon) => icon.toggleAttribute("hidden", icon.dataset.icon !== next));
  };

  const copy = async (button) => {
    const text = button.dataset.copy ?? one(`#${CSS.escape(button.dataset.copyFrom)}`).textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      (button.closest("dialog") ?? document.body).append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    button.classList.add("copied");
    announce("Copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  };

  const palette = one("#palette");
  const links = () => all("a", palette);
  const shown = () => links().filter((link) => !link.parentElement.hidden);
  const filter = () => {
    const words = one("input", palette).value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const link of links()) {
      const text = link.textContent.toLowerCase();
      link.parentElement.hidden = !words.every((word) => text.includes(word));
    }
    const count = shown().length;
    one(".palette-none", palette).hidden = count > 0;
    one("[data-count]", palette).textContent = `${count} ${count === 1 ? "result" : "results"}`;
  };
  const fill = async () => {
    const source = palette.dataset.source;
    if (!source) return;
    delete palette.dataset.source;
    const answer = await fetch(source, { headers: { accept: "application/json" } }).catch(() => null);
    if (!answer || !answer.ok) return;
    const known = new Set(links().map((link) => link.getAttribute("href")));
    for (const { title, href, hint } of (await answer.json()).rows) {
      if (known.has(href) || !href.startsWith("/")) continue;
      const item = document.createElement("li");
      const link = document.createElement("a");
      const note = document.createElement("span");
      link.href = href;
      note.className = "meta";
      note.textContent = hint ?? "";
      link.append(title, note);
      item.append(link);
      one("ul", palette).append(item);
    }
    filter();
  };
  const openPalette = () => {
    if (!palette || palette.open) return;
    palette.showModal();
    const input = one("input", palette);
    input.value = "";
    input.focus();
    filter();
    fill();
  };
  if (palette) {
    one("input", palette).addEventListener("input", filter);
    palette.addEventListener("keydown", (event) => {
      const visible = shown();
      const at = visible.indexOf(document.activeElement);
      if (event.key === "Enter" && at < 0 && visible[0]) { event.preventDefault(); visible[0].click(); }
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      const to = at + (event.key === "ArrowDown" ? 1 : -1);
      (to < 0 ? one("input", palette) : visible[Math.min(to, visible.length - 1)])?.focus();
    });
  }

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    const button = at("button");
    if (button?.matches("[data-copy], [data-copy-from]")) copy(button);
    if (button?.matches("[data-theme-toggle]")) {
      root.dataset.theme = dark() ? "light" : "dark";
      remember("rw_theme", root.dataset.theme);
      showTheme();
    }
    if (button?.dataset.opens === "palette") openPalette();
    else if (button?.dataset.opens) one(`#${button.dataset.opens}`).showModal();
    if (button?.matches("[data-closes]") || event.target.matches("dialog.palette, dialog.sheet")) event.target.closest("dialog").close();
    all("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  const keysOn = one("[data-shortcuts-toggle]");
  keysOn?.addEventListener("change", () => {
    root.dataset.shortcuts = keysOn.checked ? "on" : "off";
    remember("rw_shortcuts", root.dataset.shortcuts);
  });

  let waiting = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.key === "Escape") {
      all("details.menu[open]").forEach((menu) => { menu.open = false; one("summary", menu).focus(); });
    }
    const typing = event.target.closest("input, textarea, select, [contenteditable], dialog");
    if (root.dataset.shortcuts === "off" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (Date.now() - waiting < 1200) {
      waiting = 0;
      const target = all("[data-jump]").find((link) => link.dataset.jump === event.key);
      if (target) { event.preventDefault(); location.assign(target.href); }
      return;
    }
    if (event.key === "g") waiting = Date.now();
    if (event.key === "?") one("#shortcuts")?.showModal();
    if (event.key === "t") {
      const twins = all("details.twin");
      const open = twins.some((twin) => !twin.open);
      twins.forEach((twin) => { twin.open = open; });
      if (twins.length) announce(open ? "Chart tables shown" : "Chart tables hidden");
    }
  });

  // What was answered while an earlier answer was away is not in what comes back: that is not shown, and the
  // newer request, which follows, is.
  const answeredWhenSent = new WeakMap();
  let answered = 0;
  ["input", "change"].forEach((name) => document.addEventListener(name, () => { answered += 1; }));
  document.addEventListener("htmx:beforeSend", (event) => answeredWhenSent.set(event.detail.xhr, answered));
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (answeredWhenSent.get(event.detail.xhr) !== answered) event.detail.shouldSwap = false;
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    reveal(event.target);
    const focus = one("[data-focus]", event.target);
    if (focus) focus.focus();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  reveal();
  showTheme();
})();
