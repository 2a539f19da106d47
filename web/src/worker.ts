// The SharedWorker, a file of its own beside the pages: all tabs of an origin that name the same API
// have one, and it ends with the last of them.

import { type FromTab, Hub } from "./core/hub.js";

const hub = new Hub();

addEventListener("connect", (event) => {
  const port = (event as MessageEvent).ports[0]!;
  port.onmessage = ({ data }: MessageEvent<FromTab>) => {
    hub.hear(port, data, (message) => port.postMessage(message));
  };
});
