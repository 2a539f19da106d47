// The demo's page: for each person a list, a thread, a composer and a badge over the canonical
// API, live by EventSource. Plain JavaScript; state is what the server last said, by number,
// so that an event that comes twice or late changes nothing.

class Person {
  constructor(section) {
    this.api = section.dataset.api;
    this.user = section.dataset.user;
    this.conversations = new Map();
    this.messages = new Map(); // of the open conversation, by seq
    this.open = null;
    section.append(document.querySelector("#person").content.cloneNode(true));
    this.at = (selector) => section.querySelector(selector);
    this.at("h2").textContent = this.user;
    this.at(".start").addEventListener("submit", (event) => {
      event.preventDefault();
      this.start(event.target.elements.with.value.trim());
      event.target.reset();
    });
    this.at(".composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.at(".composer textarea").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.send();
      }
    });
    this.connect();
  }

  connect() {
    const stream = new EventSource(`${this.api}/stream`);
    const say = (text) => (this.at(".connection").textContent = text);
    const on = (type, handle) =>
      stream.addEventListener(type, (event) => handle(JSON.parse(event.data)));
    stream.onopen = () => say("connected");
    stream.onerror = () => {
      say("connecting…");
      // EventSource gives up on an answer that is no stream (a 503, say); we do not.
      if (stream.readyState === EventSource.CLOSED) {
        setTimeout(() => this.connect(), 1000 + 2000 * Math.random());
      }
    };
    on("hello", (me) => {
      this.at("h2").textContent = me.name || me.id;
      if (!me.resumed) this.refetch();
    });
    on("reset", () => this.refetch());
    on("conversation", (conversation) => this.know(conversation));
    on("message", (message) => this.receive(message));
    on("unread", (numbers) => this.count(numbers));
    on("read", ({ conversationId, userId, readSeq }) => {
      if (conversationId === this.open && userId !== this.user) {
        for (const message of this.messages.values()) {
          if (message.senderId === this.user && message.seq <= readSeq) message.read = true;
        }
        this.showThread();
      }
    });
  }

  // One request; a repeat of a write carries the same key, so that it is stored once.
  async ask(method, path, body, key) {
    for (let attempt = 1; ; attempt++) {
      let problem;
      try {
        const headers = body ? { "Content-Type": "application/json" } : {};
        if (key) headers["Idempotency-Key"] = key;
        const answer = await fetch(this.api + path, {
          method, headers, body: body && JSON.stringify(body),
        });
        const json = await answer.json();
        if (answer.ok) return json;
        problem = json;
      } catch (error) {
        problem = { error: String(error), retryable: true };
      }
      if (!problem.retryable || attempt === 8) throw new Error(problem.error);
      await new Promise((done) => setTimeout(done, 200 * 2 ** attempt * Math.random()));
    }
  }

  async attempt(work) {
    try {
      await work();
      this.at(".notice").hidden = true;
    } catch (error) {
      this.at(".notice").textContent = error.message;
      this.at(".notice").hidden = false;
    }
  }

  refetch() {
    return this.attempt(async () => {
      const page = await this.ask("GET", "/conversations");
      page.conversations.forEach((conversation) => this.know(conversation));
      if (this.open) await this.load();
    });
  }

  start(other) {
    return this.attempt(async () => {
      const { conversation } = await this.ask("POST", "/conversations", { members: [other] });
      this.know(conversation);
      await this.show(conversation.id);
      this.at(".composer textarea").focus();
    });
  }

  async show(id) {
    this.open = id;
    this.messages.clear();
    this.at(".composer textarea").disabled = this.at(".composer button").disabled = false;
    this.showList();
    await this.attempt(() => this.load());
  }

  async load() {
    const id = this.open;
    let before = "";
    do {
      const page = await this.ask("GET", `/conversations/${id}/messages?limit=200${before}`);
      if (id !== this.open) return;
      page.messages.forEach((message) => this.messages.set(message.seq, message));
      before = page.nextCursor === null ? "" : `&before=${page.nextCursor}`;
    } while (before);
    this.showThread();
    await this.read();
  }

  async read() {
    const id = this.open;
    const last = Math.max(0, ...this.messages.keys());
    const conversation = this.conversations.get(id);
    if (!conversation || conversation.unreadCount === 0 || last === 0) return;
    const numbers = await this.ask("PATCH", `/conversations/${id}/read`, { seq: last });
    conversation.readSeq = Math.max(conversation.readSeq, numbers.readSeq);
    if (conversation.readSeq === numbers.readSeq) conversation.unreadCount = numbers.unreadCount;
    this.showList();
  }

  async send() {
    const box = this.at(".composer textarea");
    const content = box.value.trim();
    const id = this.open;
    if (!content || !id) return;
    box.value = "";
    const pending = document.createElement("li");
    pending.className = "mine";
    pending.textContent = content;
    pending.append(small("sending…"));
    this.at(".thread").append(pending);
    pending.scrollIntoView({ block: "nearest" });
    await this.attempt(async () => {
      try {
        this.receive(await this.ask("POST", `/conversations/${id}/messages`, { content },
          crypto.randomUUID()));
        pending.remove();
      } catch (error) {
        pending.classList.add("failed");
        pending.querySelector("small").textContent = "not sent";
        if (!box.value) box.value = content;
        throw error;
      }
    });
  }

  know(conversation) {
    const known = this.conversations.get(conversation.id);
    if (!known || (known.lastSeq <= conversation.lastSeq && known.rev <= conversation.rev)) {
      this.conversations.set(conversation.id, conversation);
    }
    this.showList();
  }

  receive(message) {
    const conversation = this.conversations.get(message.conversationId);
    if (conversation && message.seq > conversation.lastSeq) {
      conversation.lastSeq = message.seq;
      conversation.lastMessage = message;
      conversation.lastMessageAt = message.createdAt;
    }
    if (message.conversationId === this.open && !this.messages.has(message.seq)) {
      this.messages.set(message.seq, message);
      this.showThread();
    }
    this.showList();
  }

  count(numbers) {
    const conversation = this.conversations.get(numbers.conversationId);
    if (!conversation) return;
    if (numbers.lastSeq < conversation.lastSeq || numbers.readSeq < conversation.readSeq) return;
    conversation.readSeq = numbers.readSeq;
    conversation.unreadCount = numbers.unreadCount;
    this.showList();
    if (numbers.conversationId === this.open && numbers.unreadCount > 0 && document.hasFocus()) {
      this.attempt(() => this.read());
    }
  }

  showList() {
    const all = [...this.conversations.values()];
    all.sort((a, b) => (b.lastMessageAt || "").localeCompare(a.lastMessageAt || ""));
    this.at(".list").replaceChildren(...all.map((conversation) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const others = conversation.members.filter((member) => member.id !== this.user);
      button.type = "button";
      button.dataset.id = conversation.id;
      button.setAttribute("aria-current", String(conversation.id === this.open));
      button.append(
        part("b", others.map((member) => member.name || member.id).join(", ")),
        part("span", conversation.lastMessage?.content ?? "", "preview"));
      if (conversation.unreadCount > 0) {
        button.append(part("span", conversation.unreadCount, "badge"));
      }
      button.addEventListener("click", () => this.show(conversation.id));
      item.append(button);
      return item;
    }));
    const total = all.reduce((sum, conversation) => sum + conversation.unreadCount, 0);
    const badge = this.at(".bar .badge");
    badge.textContent = total;
    badge.hidden = total === 0;
    badge.setAttribute("aria-label", `${total} unread`);
  }

  showThread() {
    const thread = this.at(".thread");
    const messages = [...this.messages.values()].sort((a, b) => a.seq - b.seq);
    thread.replaceChildren(...messages.map((message) => {
      const mine = message.senderId === this.user;
      const item = part("li", message.content, mine ? "mine" : "");
      item.dataset.seq = message.seq;
      const time = new Date(message.createdAt).toLocaleTimeString([], { timeStyle: "short" });
      item.append(small(mine && message.read ? `${time} · read` : time));
      return item;
    }));
    thread.scrollTop = thread.scrollHeight;
  }
}

function part(tag, text, name = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = name;
  return element;
}

function small(text) {
  return part("small", text);
}

for (const section of document.querySelectorAll(".person")) new Person(section);
