// One demo and one browser for all tests of the file that imports them; there from its first test
// on.

import { after, before } from "node:test";
import { launch } from "./browser.mjs";
import { Demo } from "./demo.mjs";

export let demo;
export let browser;

before(async () => {
  demo = await Demo.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});
