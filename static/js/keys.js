// Security keys and passkeys: says when the browser gave none, and hides what it cannot do.
if (!window.PublicKeyCredential) {
  for (const button of document.querySelectorAll("[data-needs-keys]")) button.disabled = true;
}

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  for (const place of document.querySelectorAll("[data-key-failed]")) {
    place.className = "alert alert--error";
    place.textContent = "";
    const words = document.createElement("div");
    words.textContent = place.dataset.keyFailed;
    place.append(words);
  }
});
