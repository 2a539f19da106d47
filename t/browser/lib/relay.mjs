// Between browsers and the demo: counts requests, those of a SharedWorker too, which the debugger
// does not show; knows how many streams are open; and answers in the server's place where a test
// says so. Pages have its address for their origin.

import { createServer, request } from "node:http";

export class Relay {
  /** Of each request `{method, path, status}`, when its answer began. */
  requests = [];
  /** Streams that are open now. */
  streams = 0;
  /** Told of each request: an answer `{status, headers, body}`, or nothing to let it through. */
  answer = async () => null;

  static async start(demo) {
    const relay = new Relay();
    relay.demo = demo;
    relay.server = createServer((asked, answered) => {
      relay.#pass(asked, answered).catch(() => answered.destroy());
    });
    await new Promise((done) => relay.server.listen(0, "127.0.0.1", done));
    relay.port = relay.server.address().port;
    return relay;
  }

  url(site, path = "/") {
    return `http://${site ? `${site}.` : ""}localhost:${this.port}${path}`;
  }

  tokens(...words) {
    return this.demo.tokens(...words);
  }

  /** Requests since `from`, of `requests`, that go to a path like this. */
  asked(path, from = 0) {
    return this.requests.slice(from).filter((one) => path.test(`${one.method} ${one.path}`));
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  async #pass(asked, answered) {
    const { method, url: path, headers } = asked;
    const noted = { method, path, headers, status: 0 };
    this.requests.push(noted);
    if (/\/stream($|\?)/.test(path)) {
      this.streams++;
      answered.on("close", () => this.streams--);
    }
    const instead = await this.answer(noted);
    if (instead) {
      noted.status = instead.status;
      asked.resume();
      answered.writeHead(instead.status, instead.headers).end(instead.body);
      return;
    }
    const options = { host: "127.0.0.1", port: this.demo.port, method, path, headers };
    const passed = request(options, (answer) => {
      noted.status = answer.statusCode;
      answered.writeHead(answer.statusCode, answer.headers);
      answered.flushHeaders();
      answer.pipe(answered);
      answer.on("error", () => answered.destroy());
    });
    passed.on("error", () => answered.destroy());
    answered.on("close", () => passed.destroy());
    asked.pipe(passed);
  }
}
