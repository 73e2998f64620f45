/*
 * Inside the Payment Element's frame: what is typed stays here, and only this page sends it to the sandbox.
 * It speaks with stripe.js over a private channel that the shop's page opens once.
 */
"use strict";

const byId = (id) => document.getElementById(id);
const CARD_FIELDS = ["number", "expiry", "cvc"];
const DEBIT_FIELDS = ["name", "email"];
const LONGEST_CARD = 16;
const BRANDS = { 4: "Visa", 5: "Mastercard" };

// Stripe's own test accounts: whose debits arrive, and whose are returned.
const ACCOUNTS = {
  sepa_debit: {
    arrives: { iban: "DE89370400440532013000" },
    returned: { iban: "DE62370400440532013001" },
  },
  us_bank_account: {
    arrives: { account_number: "000123456789", routing_number: "110000000", account_holder_type: "individual" },
    returned: { account_number: "000111111116", routing_number: "110000000", account_holder_type: "individual" },
  },
  bacs_debit: {
    arrives: { account_number: "00012345", sort_code: "108800" },
    returned: { account_number: "22222227", sort_code: "108800" },
  },
};
const DEBIT_OF = { eur: "sepa_debit", usd: "us_bank_account", gbp: "bacs_debit" };

const VARIABLES = {
  borderRadius: "--radius", colorBackground: "--surface", colorDanger: "--error", colorPrimary: "--accent",
  colorText: "--text", colorTextSecondary: "--quiet", fontFamily: "--font", fontSizeBase: "--size",
};

// The field that a refusal of the bank is about; any other is about the number.
const FIELD_OF = {
  expired_card: "expiry", incorrect_cvc: "cvc", invalid_cvc: "cvc", invalid_expiry_month: "expiry",
  invalid_expiry_year: "expiry",
};

let port = null;
let setup = {};
let debit = null;

// --- What is wrong with a field, by Stripe's codes -------------------------------------------------------

const digitsOf = (id) => byId(id).value.replace(/\D/g, "");

function passesLuhn(digits) {
  let total = 0;
  [...digits].reverse().forEach((digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    total += value > 9 ? value - 9 : value;
  });
  return total % 10 === 0;
}

function expiry() {
  const matched = /^\s*(\d{1,2})\s*[/-]?\s*(\d{4}|\d{2})\s*$/.exec(byId("expiry").value);
  if (!matched || Number(matched[1]) < 1 || Number(matched[1]) > 12) return null;
  return { month: Number(matched[1]), year: Number(matched[2].slice(-2)) + 2000 };
}

const CHECKS = {
  number() {
    const digits = digitsOf("number");
    if (digits.length < LONGEST_CARD) return ["incomplete_number", "Your card number is incomplete."];
    return passesLuhn(digits) ? null : ["invalid_number", "Your card number is invalid."];
  },
  expiry() {
    const found = expiry();
    const today = new Date();
    if (!found) return ["incomplete_expiry", "Your card's expiry date is incomplete."];
    if (found.year < today.getFullYear()) return ["invalid_expiry_year_past", "Your card's expiry year is in the past."];
    const isPast = found.year === today.getFullYear() && found.month < today.getMonth() + 1;
    return isPast ? ["invalid_expiry_month_past", "Your card's expiry date is in the past."] : null;
  },
  cvc() {
    return /^\d{3,4}$/.test(byId("cvc").value.trim()) ? null : ["incomplete_cvc", "Your card's security code is incomplete."];
  },
  name() {
    return byId("name").value.trim() ? null : ["incomplete_name", "Enter your full name."];
  },
  email() {
    const isOne = /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(byId("email").value.trim());
    return isOne ? null : ["incomplete_email", "Enter an e-mail address, such as you@example.com."];
  },
};

const isDebit = () => debit !== null && document.querySelector('[name="method"]:checked').value === "debit";
const fields = () => (isDebit() ? DEBIT_FIELDS : CARD_FIELDS);

function mark(id, message) {
  const input = byId(id);
  byId(`${id}-error`).textContent = message;
  if (message) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function submitted() {
  let first = null;
  for (const id of fields()) {
    const problem = CHECKS[id]();
    mark(id, problem ? problem[1] : "");
    if (problem && !first) first = { id, code: problem[0], message: problem[1] };
  }
  if (!first) return { selectedPaymentMethod: isDebit() ? debit : "card" };
  byId(first.id).focus();
  return { error: { type: "validation_error", code: first.code, message: first.message } };
}

// --- Asking the sandbox ----------------------------------------------------------------------------------

function flattened(value, name = "", into = new URLSearchParams()) {
  if (value === undefined || value === null) return into;
  if (typeof value !== "object") {
    into.append(name, String(value));
    return into;
  }
  for (const [key, inner] of Object.entries(value)) flattened(inner, name ? `${name}[${key}]` : key, into);
  return into;
}

async function ask(address, request) {
  try {
    const answer = await fetch(address, request);
    const body = await answer.json();
    return body.error ? { error: body.error } : { paymentIntent: body };
  } catch {
    return { error: { type: "api_connection_error", message: "The Stripe sandbox could not be reached." } };
  }
}

function methodOf(sent) {
  const billing = { ...setup.options?.defaultValues?.billingDetails, ...sent?.billing_details };
  if (isDebit()) {
    return {
      type: debit,
      [debit]: ACCOUNTS[debit][byId("account").value],
      billing_details: { ...billing, name: byId("name").value.trim(), email: byId("email").value.trim() },
    };
  }
  const { month, year } = expiry();
  const card = { number: digitsOf("number"), exp_month: month, exp_year: year, cvc: byId("cvc").value.trim() };
  return { type: "card", card, billing_details: Object.keys(billing).length ? billing : undefined };
}

async function confirmed(intent, params) {
  const checked = submitted();
  if (checked.error) return checked;
  const body = flattened({ ...params, payment_method_data: methodOf(params.payment_method_data) });
  const outcome = await ask(`/v1/payment_intents/${intent}/confirm`, { method: "POST", body });
  if (outcome.error?.type === "card_error" && !isDebit()) {
    mark(FIELD_OF[outcome.error.code] ?? "number", outcome.error.message);
  }
  return outcome;
}

// --- Showing ---------------------------------------------------------------------------------------------

function dress() {
  const appearance = setup.appearance ?? {};
  const root = document.documentElement;
  root.dataset.theme = appearance.theme ?? "stripe";
  for (const [name, property] of Object.entries(VARIABLES)) {
    const value = appearance.variables?.[name];
    if (value) root.style.setProperty(property, value);
    else root.style.removeProperty(property);
  }
}

function offer(types) {
  debit = types.find((type) => type in ACCOUNTS) ?? null;
  byId("methods").hidden = debit === null;
  byId("details").hidden = false;
  const known = setup.options?.defaultValues?.billingDetails ?? {};
  byId("name").value ||= known.name ?? "";
  byId("email").value ||= known.email ?? "";
}

function show() {
  byId("card").hidden = isDebit();
  byId("debit").hidden = !isDebit();
}

function change() {
  const ids = fields();
  port.postMessage({
    kind: "change",
    details: {
      collapsed: false,
      complete: ids.every((id) => CHECKS[id]() === null),
      empty: ids.every((id) => byId(id).value === ""),
      value: { type: isDebit() ? debit : "card" },
    },
  });
}

async function load() {
  dress();
  let types = ["card", DEBIT_OF[setup.currency?.toLowerCase()]].filter(Boolean);
  if (setup.clientSecret) {
    const intent = setup.clientSecret.split("_secret_")[0];
    const query = new URLSearchParams({ key: setup.key, client_secret: setup.clientSecret });
    const found = await ask(`/v1/payment_intents/${intent}?${query}`);
    if (found.error) {
      byId("problem").textContent = `The payment form could not be shown. ${found.error.message}`;
      byId("problem").hidden = false;
      port.postMessage({ kind: "loaderror", details: { error: found.error } });
      return;
    }
    types = found.paymentIntent.payment_method_types;
  }
  offer(types);
  show();
  port.postMessage({ kind: "ready", details: {} });
}

const ORDERS = {
  submit: async () => submitted(),
  confirm: ({ intent, params }) => confirmed(intent, params),
  update: async ({ setup: changed }) => {
    setup = { ...setup, ...changed };
    dress();
  },
  focus: async () => byId(fields()[0]).focus(),
  blur: async () => document.activeElement?.blur(),
  clear: async () => {
    byId("details").reset();
    for (const id of [...CARD_FIELDS, ...DEBIT_FIELDS]) mark(id, "");
    byId("brand").textContent = "";
    show();
    change();
  },
};

window.addEventListener("message", (message) => {
  const isGreeting = message.source === window.parent && message.data?.sandbox === "stripe";
  if (!isGreeting || message.data.kind !== "connect" || port !== null) return;
  [port] = message.ports;
  setup = message.data.setup;
  port.onmessage = async ({ data }) => {
    const answer = await ORDERS[data.kind]?.(data);
    if (data.id) port.postMessage({ kind: "answer", id: data.id, answer });
  };
  new ResizeObserver(() => {
    port.postMessage({ kind: "height", height: Math.ceil(document.body.getBoundingClientRect().height) });
  }).observe(document.body);
  load();
});

// --- Typing ----------------------------------------------------------------------------------------------

function retyped(input, text) {
  // Only at the end: in the middle the caret would jump.
  if (input.selectionStart === input.value.length) input.value = text;
}

byId("number").addEventListener("input", ({ target }) => {
  const digits = digitsOf("number").slice(0, 19);
  retyped(target, digits.replace(/(\d{4})(?=\d)/g, "$1 "));
  byId("brand").textContent = BRANDS[digits[0]] ?? "";
});

byId("expiry").addEventListener("input", ({ target, inputType }) => {
  let digits = digitsOf("expiry");
  if (/^[2-9]/.test(digits)) digits = `0${digits}`;
  const isDeleting = inputType?.startsWith("delete");
  if (digits.length === 6) return;
  if (digits.length > 2 || (digits.length === 2 && !isDeleting)) {
    retyped(target, `${digits.slice(0, 2)} / ${digits.slice(2, 4)}`);
  }
});

byId("details").addEventListener("input", ({ target }) => {
  if (target.name === "method") show();
  if (target.hasAttribute("aria-invalid") && CHECKS[target.id]?.() === null) mark(target.id, "");
  change();
});

byId("details").addEventListener("focusin", () => port?.postMessage({ kind: "focus", details: {} }));
byId("details").addEventListener("focusout", ({ target }) => {
  if (target.id in CHECKS && target.value) mark(target.id, CHECKS[target.id]()?.[1] ?? "");
  port?.postMessage({ kind: "blur", details: {} });
});

byId("details").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("input")) {
    event.preventDefault();
    port?.postMessage({ kind: "enter" });
  }
  if (event.key === "Escape") port?.postMessage({ kind: "escape", details: {} });
});
