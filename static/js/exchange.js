// What HTMX sends is known to come from us, and what goes wrong is told.
const messages = document.querySelector("[data-failed]");
const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];

document.addEventListener("htmx:configRequest", (event) => {
  // A form brings its token in a field; a button of its own has none.
  if (event.detail.verb !== "get" && token()) event.detail.headers["X-CSRFToken"] = token();
});

for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, () => {
    if (!messages) return;
    const alert = document.createElement("div");
    alert.className = "alert alert--error";
    alert.append(messages.dataset.failed);
    messages.replaceChildren(alert);
    messages.scrollIntoView({ block: "nearest" });
  });
}
