// The core without components: `import { MessagingClient } from "nginx-messaging/client"`.

export type { Adapter, AdapterRoute } from "./core/adapter.js";
export type { Api, Change } from "./core/api.js";
export { type ClientOptions, MessagingClient } from "./core/client.js";
export type { ClientEvents } from "./core/events.js";
export type { ConversationList } from "./core/list.js";
export type { LiveState } from "./core/live.js";
export type { Entry, Target } from "./core/outbox.js";
export type { Thread } from "./core/thread.js";
export * from "./core/types.js";
