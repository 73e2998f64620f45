/*
 * The sandbox's stand-in for Stripe.js. A page uses it as it would the real one; no real money moves.
 *
 * Card data never reaches this script: it stays in a frame of the sandbox's own origin (element.js), which
 * confirms the payment itself and answers with what became of it.
 */
(() => {
  "use strict";

  const script = document.currentScript ?? document.querySelector('script[src*="/endive/stripe.js"]');
  const SANDBOX = new URL(script.src).origin;
  const SECONDS_TO_LOAD = 15;
  const CLIENT_SECRET = /^(pi_\w+)_secret_\w+$/;
  const NOT_SERVED = [
    "confirmCardPayment", "confirmCardSetup", "confirmSetup", "confirmSepaDebitPayment", "collectBankAccountForPayment",
    "confirmUsBankAccountPayment", "confirmBacsDebitPayment", "createConfirmationToken", "createPaymentMethod", "createToken",
    "createSource", "createEmbeddedCheckoutPage", "initCheckout", "initEmbeddedCheckout", "paymentRequest",
    "processOrder", "retrieveSetupIntent", "handleCardAction", "verifyIdentity",
  ];
  const ELEMENT_EVENTS = ["ready", "change", "loaderror", "loaderstart", "focus", "blur", "escape"];

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = "IntegrationError";
    }
  }

  const forever = () => new Promise(() => {});

  // --- The API, as far as a publishable key reaches ------------------------------------------------------

  function flattened(value, name = "", into = new URLSearchParams()) {
    if (value === undefined || value === null) return into;
    if (typeof value !== "object") {
      into.append(name, String(value));
      return into;
    }
    for (const [key, inner] of Object.entries(value)) flattened(inner, name ? `${name}[${key}]` : key, into);
    return into;
  }

  async function call(verb, path, params) {
    const form = flattened(params);
    const address = `${SANDBOX}${path}${verb === "GET" ? `?${form}` : ""}`;
    try {
      const answer = await fetch(address, verb === "GET" ? {} : { method: verb, body: form });
      const body = await answer.json();
      return body.error ? { error: body.error } : { paymentIntent: body };
    } catch {
      return {
        error: {
          type: "api_connection_error",
          message: "The Stripe sandbox could not be reached. Check that it runs, and that the page's " +
            `Content-Security-Policy has ${SANDBOX} in connect-src.`,
        },
      };
    }
  }

  function intentOf(clientSecret, method) {
    const matched = CLIENT_SECRET.exec(clientSecret);
    if (matched) return matched[1];
    throw new IntegrationError(
      `Invalid value for ${method} intent secret: value should be a client_secret of the form ` +
        `\${id}_secret_\${secret}. You specified: ${clientSecret}.`,
    );
  }

  // --- The Payment Element -------------------------------------------------------------------------------

  class PaymentElement {
    constructor(elements, options) {
      this._elements = elements;
      this._options = options;
      this._handlers = new Map();
      this._pending = new Map();
      this._asked = 0;
      this._isDestroyed = false;
      this._awaitFrame();
    }

    _awaitFrame() {
      this._port = null;
      this._isReady = new Promise((resolve) => { this._becomeReady = resolve; });
    }

    mount(target) {
      if (this._isDestroyed) throw new IntegrationError("This Element has already been destroyed. Please create a new one.");
      const host = typeof target === "string" ? document.querySelector(target) : target;
      if (!(host instanceof Element)) {
        throw new IntegrationError(
          `The selector you specified (${target}) applies to no DOM elements that are currently on the page. ` +
            "Make sure the element exists on the page before calling mount().",
        );
      }
      this.unmount();
      const frame = document.createElement("iframe");
      frame.title = "Secure payment input frame";
      frame.name = "sandbox-payment-element";
      frame.src = `${SANDBOX}/endive/element`;
      // Set by script, which a strict style-src allows; a style attribute it would not.
      const ring = 4;
      Object.assign(frame.style, {
        border: "0",
        colorScheme: this._elements._scheme(),
        display: "block",
        height: "19rem",
        margin: `-${ring}px`,
        maxWidth: "none",
        width: `calc(100% + ${2 * ring}px)`,
      });
      frame.addEventListener("load", () => this._connect());
      host.replaceChildren(frame);
      this._host = host;
      this._frame = frame;
      this._overdue = setTimeout(() => this._failToLoad(), SECONDS_TO_LOAD * 1000);
      this._tell("loaderstart", {});
    }

    unmount() {
      clearTimeout(this._overdue);
      this._port?.close();
      this._frame?.remove();
      this._frame = null;
      this._awaitFrame();
    }

    destroy() {
      this.unmount();
      this._isDestroyed = true;
      this._elements._forget(this);
    }

    on(event, handler) {
      if (!ELEMENT_EVENTS.includes(event)) throw new IntegrationError(`The Payment Element has no event ${event}.`);
      this._handlers.set(event, [...(this._handlers.get(event) ?? []), handler]);
      return this;
    }

    once(event, handler) {
      const first = (details) => {
        this.off(event, first);
        handler(details);
      };
      return this.on(event, first);
    }

    off(event, handler) {
      const kept = (this._handlers.get(event) ?? []).filter((other) => handler && other !== handler);
      this._handlers.set(event, kept);
      return this;
    }

    update(options) {
      Object.assign(this._options, options);
      this._port?.postMessage({ kind: "update", setup: this._setup() });
    }

    focus() { this._port?.postMessage({ kind: "focus" }); }
    blur() { this._port?.postMessage({ kind: "blur" }); }
    clear() { this._port?.postMessage({ kind: "clear" }); }
    collapse() {}

    _setup() {
      return { ...this._elements._setup(), options: JSON.parse(JSON.stringify(this._options)) };
    }

    _connect() {
      const channel = new MessageChannel();
      this._port?.close();
      this._port = channel.port1;
      this._port.onmessage = (message) => this._hear(message.data);
      const greeting = { sandbox: "stripe", kind: "connect", setup: this._setup() };
      // Only the sandbox's own page gets this; an error page in its place hears nothing.
      this._frame.contentWindow.postMessage(greeting, SANDBOX, [channel.port2]);
    }

    _hear({ kind, id, answer, details, height }) {
      if (kind === "answer") {
        this._pending.get(id)?.(answer);
        this._pending.delete(id);
      } else if (kind === "height") {
        this._frame.style.height = `${height}px`;
      } else if (kind === "enter") {
        this._host.closest("form")?.requestSubmit();
      } else {
        if (kind === "ready" || kind === "loaderror") clearTimeout(this._overdue);
        if (kind === "ready" || kind === "loaderror") this._becomeReady(details.error);
        this._tell(kind, details);
      }
    }

    _failToLoad() {
      const message = "The Stripe sandbox's frame did not load. Check that the sandbox runs, and that the page's " +
        `Content-Security-Policy has ${SANDBOX} in frame-src.`;
      const error = { type: "api_connection_error", message };
      this._becomeReady(error);
      this._tell("loaderror", { error });
    }

    _tell(event, details) {
      for (const handler of this._handlers.get(event) ?? []) handler({ elementType: "payment", ...details });
    }

    async _ask(kind, details = {}) {
      if (!this._frame) throw new IntegrationError("Mount the Payment Element before you submit or confirm.");
      const error = await this._isReady;
      if (error) return { error };
      const id = ++this._asked;
      return new Promise((resolve) => {
        this._pending.set(id, resolve);
        this._port.postMessage({ kind, id, ...details });
      });
    }
  }

  class Elements {
    constructor(key, options = {}) {
      if (options.clientSecret && options.mode) {
        throw new IntegrationError("Pass either `clientSecret` or `mode` to elements(), not both.");
      }
      if (options.clientSecret) intentOf(options.clientSecret, "elements()");
      else if (options.mode !== "payment" || !options.amount || !options.currency) {
        throw new IntegrationError(
          "elements() needs a `clientSecret`, or `mode: \"payment\"` with `amount` and `currency`.",
        );
      }
      this._key = key;
      this._options = { ...options };
      this._payment = null;
      this._isSubmitted = false;
    }

    create(type, options = {}) {
      if (type !== "payment") throw new IntegrationError(`The Stripe sandbox serves the Payment Element only, not ${type}.`);
      if (this._payment) throw new IntegrationError("Can only create one Element of type payment through `elements.create()`.");
      this._payment = new PaymentElement(this, { ...options });
      return this._payment;
    }

    getElement(type) {
      return type === "payment" ? this._payment : null;
    }

    update(options) {
      Object.assign(this._options, options);
      this._payment?.update({});
      if (this._payment?._frame) this._payment._frame.style.colorScheme = this._scheme();
    }

    async fetchUpdates() {
      return {};
    }

    async submit() {
      const answer = await this._mounted("elements.submit()")._ask("submit");
      this._isSubmitted = !answer.error;
      return answer;
    }

    _mounted(method) {
      if (!this._payment) throw new IntegrationError(`${method} needs a Payment Element: create and mount it first.`);
      return this._payment;
    }

    _forget() {
      this._payment = null;
    }

    _scheme() {
      return this._options.appearance?.theme === "night" ? "dark" : "light";
    }

    _setup() {
      const { appearance, clientSecret, currency, locale } = this._options;
      return JSON.parse(JSON.stringify({ appearance, clientSecret, currency, key: this._key, locale }));
    }
  }

  // --- 3-D Secure ----------------------------------------------------------------------------------------

  function challenge(address) {
    const dialog = document.createElement("dialog");
    const frame = document.createElement("iframe");
    const root = document.documentElement;
    const overflow = root.style.overflow;
    dialog.setAttribute("aria-label", "3-D Secure: confirm your payment");
    frame.title = "3-D Secure";
    frame.name = "sandbox-3d-secure";
    // The path only: the page may know the sandbox by its other name, localhost or 127.0.0.1.
    frame.src = SANDBOX + new URL(address).pathname;
    Object.assign(dialog.style, {
      alignItems: "center", background: "rgb(12 18 16 / 62%)", border: "0", boxSizing: "border-box",
      height: "100dvh", justifyContent: "center", margin: "0", maxHeight: "none", maxWidth: "none",
      padding: "1rem", width: "100vw",
    });
    Object.assign(frame.style, {
      border: "0", borderRadius: "14px", boxShadow: "0 18px 60px rgb(0 0 0 / 35%)",
      height: "min(100%, 27.5rem)", width: "min(100%, 28rem)",
    });
    return new Promise((resolve) => {
      const close = () => {
        window.removeEventListener("message", hear);
        root.style.overflow = overflow;
        dialog.close();
        dialog.remove();
        resolve();
      };
      const hear = (message) => {
        const isOurs = message.source === frame.contentWindow && message.origin === SANDBOX;
        if (isOurs && message.data?.sandbox === "stripe" && message.data.kind === "answered") close();
      };
      window.addEventListener("message", hear);
      dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        frame.contentWindow.postMessage({ sandbox: "stripe", kind: "cancel" }, SANDBOX);
      });
      frame.addEventListener("load", () => frame.focus());
      dialog.append(frame);
      document.body.append(dialog);
      dialog.showModal();
      dialog.style.display = "flex";
      root.style.overflow = "hidden";
    });
  }

  // --- Stripe --------------------------------------------------------------------------------------------

  function checkedKey(key) {
    if (typeof key !== "string" || !key.trim()) {
      throw new IntegrationError("Please call Stripe() with your publishable key. You used an empty string.");
    }
    if (/^(sk|rk)_/.test(key)) {
      throw new IntegrationError(
        "You should not use your secret key with Stripe.js. Please pass a publishable key instead.",
      );
    }
    if (!/^pk_test_\w+$/.test(key)) {
      throw new IntegrationError("The Stripe sandbox takes publishable test keys only: they start with pk_test_.");
    }
    return key;
  }

  class StripeObject {
    constructor(key) {
      this._key = checkedKey(key);
      this._isConfirming = false;
    }

    elements(options) {
      return new Elements(this._key, options);
    }

    async retrievePaymentIntent(clientSecret) {
      const id = intentOf(clientSecret, "stripe.retrievePaymentIntent");
      return call("GET", `/v1/payment_intents/${id}`, { key: this._key, client_secret: clientSecret });
    }

    async confirmPayment(options = {}) {
      const { elements, confirmParams = {}, redirect = "always" } = options;
      const clientSecret = options.clientSecret ?? elements?._options.clientSecret;
      const id = intentOf(clientSecret, "stripe.confirmPayment");
      if (!["always", "if_required"].includes(redirect)) {
        throw new IntegrationError("stripe.confirmPayment(): redirect is \"always\" or \"if_required\".");
      }
      if (redirect === "always" && !confirmParams.return_url) {
        throw new IntegrationError(
          "stripe.confirmPayment(): the `confirmParams.return_url` argument is required unless passing in " +
            "`redirect: \"if_required\"`.",
        );
      }
      if (confirmParams.return_url && !URL.canParse(confirmParams.return_url)) {
        throw new IntegrationError("stripe.confirmPayment(): `confirmParams.return_url` must be a valid, absolute URL.");
      }
      if (elements && !elements._options.clientSecret && !elements._isSubmitted) {
        throw new IntegrationError("elements.submit() must be called before stripe.confirmPayment().");
      }
      if (this._isConfirming) {
        throw new IntegrationError(
          "You have an in-flight confirmPayment! Please be sure to disable your form submit button when confirmPayment is called.",
        );
      }
      const params = {
        ...confirmParams, key: this._key, client_secret: clientSecret, use_stripe_sdk: true, expand: undefined,
      };
      this._isConfirming = true;
      let outcome;
      try {
        outcome = elements
          ? await elements._mounted("stripe.confirmPayment()")._ask("confirm", { intent: id, params })
          : await call("POST", `/v1/payment_intents/${id}/confirm`, params);
        if (outcome.paymentIntent) outcome = await this._act(outcome.paymentIntent, clientSecret);
      } finally {
        this._isConfirming = false;
      }
      if (outcome.error || redirect === "if_required") return outcome;
      return leave(confirmParams.return_url, outcome.paymentIntent);
    }

    async handleNextAction({ clientSecret } = {}) {
      const found = await this.retrievePaymentIntent(clientSecret);
      if (found.error) return found;
      if (found.paymentIntent.status !== "requires_action") {
        throw new IntegrationError("handleNextAction: The PaymentIntent supplied is not in the requires_action state.");
      }
      return this._act(found.paymentIntent, clientSecret);
    }

    async _act(intent, clientSecret) {
      const action = intent.next_action;
      if (intent.status !== "requires_action" || !action) return { paymentIntent: intent };
      if (action.type === "redirect_to_url") {
        window.location.assign(action.redirect_to_url.url);
        return forever();
      }
      await challenge(action.use_stripe_sdk.stripe_js);
      const found = await this.retrievePaymentIntent(clientSecret);
      if (found.error || found.paymentIntent.status !== "requires_payment_method") return found;
      return { error: { ...found.paymentIntent.last_payment_error, payment_intent: found.paymentIntent } };
    }

    redirectToCheckout() {
      throw new IntegrationError(
        "stripe.redirectToCheckout() is gone since API version 2025-09-30.clover: create a Checkout Session on " +
          "your server and send the browser to its `url`.",
      );
    }

    registerAppInfo() {}
    _registerWrapper() {}
  }

  for (const name of NOT_SERVED) {
    StripeObject.prototype[name] = () => {
      throw new IntegrationError(`The Stripe sandbox does not serve stripe.${name}(). Its README lists what it serves.`);
    };
  }

  const REDIRECT_STATUS = { succeeded: "succeeded", processing: "pending" };

  function leave(returnUrl, intent) {
    const address = new URL(returnUrl);
    address.searchParams.set("payment_intent", intent.id);
    address.searchParams.set("payment_intent_client_secret", intent.client_secret);
    address.searchParams.set("redirect_status", REDIRECT_STATUS[intent.status] ?? "failed");
    window.location.assign(address);
    return forever();
  }

  function Stripe(key) {
    return new StripeObject(key);
  }
  Stripe.version = "endive";
  window.Stripe = Stripe;
})();
