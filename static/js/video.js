// A video is a button until it is pressed; only then is YouTube asked for anything.
for (const figure of document.querySelectorAll("[data-video]")) {
  const button = figure.querySelector("[data-video-play]");
  const link = figure.querySelector("[data-video-link]");
  if (!button || !link) continue;
  button.hidden = false;
  link.hidden = true;
  button.addEventListener("click", () => {
    const address = new URL(figure.dataset.embed, document.baseURI);
    address.searchParams.set("autoplay", "1");
    const frame = document.createElement("iframe");
    frame.src = address.href;
    frame.title = figure.dataset.title;
    frame.allow = "autoplay; encrypted-media; fullscreen; picture-in-picture";
    frame.referrerPolicy = "strict-origin-when-cross-origin";
    button.parentElement.replaceChildren(frame);
    frame.focus();
  });
}
