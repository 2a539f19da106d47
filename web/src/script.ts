// For a script tag: everything in one file; the SharedWorker, the profiles and the locales lie beside it.
import { place } from "./components/provider.js";

const { src } = (document.currentScript as HTMLScriptElement | null) ?? {};
if (src) place.script = src;

export * from "./index.js";
