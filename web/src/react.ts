// For React: the components with typed props and events, and under the names that pages of old have
// for them. Each is its element and nothing else; they stand inside a <MessagingProvider>. A server
// renders the bare elements; in the browser React gives them their props when it takes them over.

import { createComponent } from "@lit/react";
import * as React from "react";
import type { Adapter } from "./core/adapter.js";
import type { LiveState } from "./core/live.js";
import type { Entry } from "./core/outbox.js";
import type { Me, Message, Person } from "./core/types.js";
import * as elements from "./index.js";

type Heard<Detail> = (event: CustomEvent<Detail>) => void;

/** Said in React's own types: those of @lit/react, which is bundled, are not there for a page. */
export type Wrapper<
  Element extends HTMLElement,
  Names extends keyof Element,
  Events = unknown,
> = React.ForwardRefExoticComponent<
  Omit<React.HTMLAttributes<Element>, Names | keyof Events> &
    Partial<Pick<Element, Names> & Events> &
    React.RefAttributes<Element>
>;

type To = "to" | "toName" | "contextType" | "contextId";

/** React for @lit/react, mended for servers. */
const react = {
  ...React,
  // React 18 warns of a layout effect on a server, where it does nothing.
  useLayoutEffect: globalThis.document ? React.useLayoutEffect : React.useEffect,
  createElement: (tag: string, props: object) =>
    React.createElement(tag, {
      // An element may be upgraded before React comes (what it has said of itself by then @lit/react
      // has React pass over), and a provider must not ask an API that it has not been told of:
      // this makes it wait, until @lit/react takes it away.
      ...(tag === "messaging-provider" ? { "defer-hydration": "" } : {}),
      ...props,
    }),
} as unknown as typeof React;

function wrap<Wrapped>(
  displayName: string,
  tagName: string,
  elementClass: new () => HTMLElement,
  events: Record<string, string> = {},
): Wrapped {
  const component = createComponent({ react, tagName, elementClass, events, displayName });
  return component as unknown as Wrapped;
}

export const MessagingProvider: Wrapper<
  elements.MessagingProvider,
  "api" | "profile" | "locale" | "worker" | "signIn" | "theme" | "density" | "getToken" | "adapter",
  {
    onReady: Heard<Me>;
    onSignedOut: Heard<undefined>;
    onState: Heard<LiveState>;
    onMessage: Heard<Message>;
    onSent: Heard<{ entry: Entry; message: Message }>;
    onFailed: Heard<Entry>;
    onSelect: Heard<string | null>;
    onUnread: Heard<number>;
  }
> = wrap("MessagingProvider", "messaging-provider", elements.MessagingProvider, {
  onReady: "messaging-ready",
  onSignedOut: "messaging-signed-out",
  onState: "messaging-state",
  onMessage: "messaging-message",
  onSent: "messaging-sent",
  onFailed: "messaging-failed",
  onSelect: "messaging-select",
  onUnread: "messaging-unread",
});

export const MessagingInbox: Wrapper<
  elements.MessagingInbox,
  "filters" | "conversation" | "context" | "urlParam" | "listOnly" | "heading",
  { onChoose: Heard<string> }
> = wrap("MessagingInbox", "messaging-inbox", elements.MessagingInbox, {
  onChoose: "messaging-choose",
});

export const MessagingThread: Wrapper<
  elements.MessagingThread,
  "conversation" | To | "plain" | "backButton",
  { onBack: Heard<undefined> }
> = wrap("MessagingThread", "messaging-thread", elements.MessagingThread, {
  onBack: "messaging-back",
});

export const MessagingComposer: Wrapper<
  elements.MessagingComposer,
  "conversation" | "placeholder" | "target" | "context",
  { onBeforeSend: Heard<{ content: string }>; onWrite: Heard<Entry> }
> = wrap("MessagingComposer", "messaging-composer", elements.MessagingComposer, {
  onBeforeSend: "messaging-before-send",
  onWrite: "messaging-write",
});

export const MessagingChat: Wrapper<
  elements.MessagingChat,
  To | "label" | "inline" | "open",
  { onToggle: Heard<boolean> }
> = wrap("MessagingChat", "messaging-chat", elements.MessagingChat, {
  onToggle: "messaging-toggle",
});

export const MessagingBadge: Wrapper<elements.MessagingBadge, "max" | "pageTitle" | "appBadge"> =
  wrap("MessagingBadge", "messaging-badge", elements.MessagingBadge);

export const MessagingStatus: Wrapper<elements.MessagingStatus, "quiet"> = wrap(
  "MessagingStatus",
  "messaging-status",
  elements.MessagingStatus,
);

export const MessagingStart: Wrapper<
  elements.MessagingStart,
  To | "href" | "label",
  { onStarted: Heard<string> }
> = wrap("MessagingStart", "messaging-start", elements.MessagingStart, {
  onStarted: "messaging-started",
});

export const MessagingNew: Wrapper<
  elements.MessagingNew,
  "kind" | "to" | "as" | "people" | "search" | "label" | "noSubject" | "noButton" | "open",
  { onStarted: Heard<string>; onClose: Heard<undefined> }
> = wrap("MessagingNew", "messaging-new", elements.MessagingNew, {
  onStarted: "messaging-started",
  onClose: "messaging-close",
});

// --- Under the names that pages have

interface Styled {
  className?: string;
  children?: React.ReactNode;
}

const create = React.createElement;

/** An event's detail, for a page that wants only that. */
function detail<T>(listener: ((value: T) => void) | undefined) {
  return listener && ((event: CustomEvent<T>) => listener(event.detail));
}

export interface StartConversationButtonProps extends Styled {
  productId?: string | number;
  sellerId: string | number;
  sellerName?: string;
  /** Where the conversation is shown; `{id}` stands for it. */
  href?: string;
  /** Without `href` it goes there itself: a router's push. */
  onStarted?: (conversationId: string) => void;
}

export function StartConversationButton(props: StartConversationButtonProps): React.ReactElement {
  const { productId, sellerId, sellerName, href, onStarted, className, children } = props;
  return create(
    MessagingStart,
    {
      to: String(sellerId),
      toName: sellerName ?? "",
      contextType: productId === undefined ? "" : "product",
      contextId: String(productId ?? ""),
      href: href ?? "/messages?conversation={id}",
      onStarted:
        onStarted &&
        ((event: CustomEvent<string>) => {
          if (href === undefined) event.preventDefault();
          onStarted(event.detail);
        }),
      className,
    },
    children,
  );
}

export interface MessageBadgeProps extends Styled {
  max?: number;
}

export function MessageBadge({ max = 99, className }: MessageBadgeProps): React.ReactElement {
  return create(MessagingBadge, { max: String(max), className });
}

export interface MessageNotificationsProps extends MessageBadgeProps {
  href?: string;
}

/** The header's link with its badge. */
export function MessageNotifications(props: MessageNotificationsProps): React.ReactElement {
  const { href = "/messages", max, className, children } = props;
  return create(
    "a",
    { href, className },
    children ?? "Messages",
    " ",
    create(MessageBadge, { max }),
  );
}

export interface WebSocketStatusProps extends Styled {
  /** Only when something is wrong. */
  quiet?: boolean;
}

export function WebSocketStatus({
  quiet = false,
  className,
}: WebSocketStatusProps): React.ReactElement {
  return create(MessagingStatus, { quiet, className });
}

export interface ConversationListProps extends Styled {
  selectedId?: string;
  filters?: string;
  heading?: string;
  onSelect?: (conversationId: string) => void;
}

export function ConversationList(props: ConversationListProps): React.ReactElement {
  const { selectedId, filters, heading, onSelect, className, children } = props;
  return create(
    MessagingInbox,
    {
      listOnly: true,
      conversation: selectedId ?? "",
      ...(filters === undefined ? {} : { filters }),
      heading: heading ?? "",
      onChoose: detail(onSelect),
      className,
    },
    children,
  );
}

export const ChatList = ConversationList;

export interface ConversationDetailProps extends Styled {
  /** Without it: the one that is selected. */
  conversationId?: string;
  onBack?: () => void;
}

export function ConversationDetail(props: ConversationDetailProps): React.ReactElement {
  const { conversationId, onBack, className, children } = props;
  return create(
    MessagingThread,
    { conversation: conversationId ?? "", backButton: !!onBack, onBack, className },
    children,
  );
}

export interface MessageFormProps extends Styled {
  conversationId: string;
  placeholder?: string;
  onSend?: (entry: Entry) => void;
}

export function MessageForm(props: MessageFormProps): React.ReactElement {
  const { conversationId, placeholder, onSend, className } = props;
  return create(MessagingComposer, {
    conversation: conversationId,
    placeholder: placeholder ?? "",
    onWrite: detail(onSend),
    className,
  });
}

export interface NewConversationModalProps extends Styled {
  isOpen: boolean;
  onClose?: () => void;
  onCreated?: (conversationId: string) => void;
  kind?: "direct" | "ticket";
  to?: string;
  as?: "user" | "team";
  /** Where the site's people are told, or a function that finds them. */
  people?: string | ((words: string) => Promise<Person[]>);
}

export function NewConversationModal(props: NewConversationModalProps): React.ReactElement {
  const { isOpen, onClose, onCreated, kind = "ticket", to, as, people, className } = props;
  return create(MessagingNew, {
    open: isOpen,
    noButton: true,
    kind,
    to: to ?? "",
    as: as ?? "",
    people: typeof people === "string" ? people : "",
    search: typeof people === "function" ? people : undefined,
    onStarted: detail(onCreated),
    onClose,
    className,
  });
}

export interface ChatWindowProps extends Styled {
  conversationId?: string;
  /** With whom, where there is no conversation yet. */
  receiverId?: string | number;
  receiverName?: string;
  productId?: string | number;
  /** What the messages are about, where the site has it so. */
  appointmentId?: string | number;
  onClose?: () => void;
}

export function ChatWindow(props: ChatWindowProps): React.ReactElement {
  const { conversationId, receiverId, receiverName, onClose, className, children } = props;
  const { productId, appointmentId } = props;
  const [type, id] =
    productId === undefined ? ["appointment", appointmentId] : ["product", productId];
  return create(
    MessagingThread,
    {
      conversation: conversationId ?? "",
      to: String(receiverId ?? ""),
      toName: receiverName ?? "",
      contextType: id === undefined ? "" : type,
      contextId: String(id ?? ""),
      backButton: !!onClose,
      onBack: onClose,
      className,
    },
    children,
  );
}

export interface ChatCardProps extends Styled {
  partnerId: string | number;
  partnerName?: string;
  storefrontId: string | number;
}

/** A storefront's chat, in the page. */
export function ChatCard({
  partnerId,
  partnerName,
  storefrontId,
  className,
  children,
}: ChatCardProps): React.ReactElement {
  return create(
    MessagingChat,
    {
      inline: true,
      to: String(partnerId),
      toName: partnerName ?? "",
      contextType: "storefront",
      contextId: String(storefrontId),
      className,
    },
    children,
  );
}

export type { Adapter };
