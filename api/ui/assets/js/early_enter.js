// Remembers an Enter that is pressed in the message field before the page listens: it would break the line, and the
// message would seem sent. A classic script, because modules run only after the page was parsed; composer.js takes over.
document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (field.id !== "message" || field.dataset.heard === "yes") return;
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  field.dataset.heard = "early";
});
