// The components, defined. On a server nothing is defined, and nothing throws.

import { MessagingBadge } from "./components/badge.js";
import { define } from "./components/base.js";
import { MessagingChat } from "./components/chat.js";
import { MessagingComposer } from "./components/composer.js";
import { MessagingInbox } from "./components/inbox.js";
import { type Locale, registerLocale } from "./components/locale.js";
import { MessagingNew } from "./components/new.js";
import { MessagingProvider } from "./components/provider.js";
import { MessagingStart } from "./components/start.js";
import { MessagingStatus } from "./components/status.js";
import { MessagingThread } from "./components/thread.js";

define("messaging-provider", MessagingProvider);
define("messaging-composer", MessagingComposer);
define("messaging-status", MessagingStatus);
define("messaging-thread", MessagingThread);
define("messaging-inbox", MessagingInbox);
define("messaging-badge", MessagingBadge);
define("messaging-chat", MessagingChat);
define("messaging-start", MessagingStart);
define("messaging-new", MessagingNew);

export * from "./client.js";
export {
  type Locale,
  MessagingBadge,
  MessagingChat,
  MessagingComposer,
  MessagingInbox,
  MessagingNew,
  MessagingProvider,
  MessagingStart,
  MessagingStatus,
  MessagingThread,
  registerLocale,
};
