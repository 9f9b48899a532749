// Sets the visitor's chosen theme before the first paint, so that a dark page never flashes white.
// A classic script, because modules run only after the page was parsed; theme.js takes over from here.
try {
  const chosen = localStorage.getItem("botserver.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; the system's preference then decides.
}
