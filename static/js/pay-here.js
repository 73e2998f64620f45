// Paying on our own page: the card's fields are the provider's, in a frame of its own; we only place them.
const form = document.querySelector("[data-pay-here]");
const button = form.querySelector("button[type=submit]");
const refusal = form.querySelector("[data-refusal]");
const loading = form.querySelector("[data-loading]");
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function refuse(words) {
  refusal.textContent = words;
  if (words) refusal.focus();
}

// There is no form to send: the other ways below are what is left.
function giveUp(words) {
  loading.hidden = true;
  button.hidden = true;
  refuse(words);
}

function busy(isBusy) {
  button.disabled = isBusy;
  button.querySelector("[data-words]").hidden = isBusy;
  button.querySelector("[data-busy]").hidden = !isBusy;
}

function appearance() {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();
  return {
    theme: dark.matches ? "night" : "stripe",
    variables: {
      colorPrimary: token("--brand"),
      colorBackground: token("--surface"),
      colorText: token("--ink"),
      colorTextSecondary: token("--ink-muted"),
      colorDanger: token("--danger"),
      borderRadius: "6px",
    },
  };
}

async function intent() {
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
  });
  return answer.json();
}

async function begin() {
  if (!window.Stripe) {
    giveUp(form.dataset.notLoaded);
    return;
  }
  let told;
  try {
    told = await intent();
  } catch {
    told = { error: form.dataset.noAnswer };
  }
  if (told.error) {
    giveUp(told.error);
    return;
  }
  const { clientSecret } = told;
  const stripe = window.Stripe(form.dataset.key);
  const elements = stripe.elements({ clientSecret, appearance: appearance(), locale: document.documentElement.lang });
  const element = elements.create("payment");
  element.on("ready", () => {
    loading.hidden = true;
    busy(false);
  });
  element.on("loaderror", ({ error }) => {
    giveUp(error?.message || form.dataset.notLoaded);
  });
  element.mount(form.querySelector("[data-element]"));
  dark.addEventListener("change", () => elements.update({ appearance: appearance() }));

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    refuse("");
    busy(true);
    const { error } = await stripe.confirmPayment({
      elements,
      confirmParams: { return_url: form.dataset.return },
    });
    // Who has paid is on the way to the return page, and never comes here.
    if (error?.payment_intent?.status === "succeeded") {
      window.location.assign(`${form.dataset.return}?payment_intent_client_secret=${encodeURIComponent(clientSecret)}`);
      return;
    }
    busy(false);
    // What is wrong with a field stands at the field.
    if (error && error.type !== "validation_error") refuse(error.message || form.dataset.noAnswer);
  });
}

form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
begin();
