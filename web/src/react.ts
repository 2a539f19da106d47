// For React: the components with typed props and events, and under the names that pages of old have
// for them. Each is its element and nothing else; they stand inside a <MessagingProvider>.

import { createComponent, type EventName } from "@lit/react";
import * as React from "react";
import type { Adapter } from "./core/adapter.js";
import type { LiveState } from "./core/live.js";
import type { Entry } from "./core/outbox.js";
import type { Me, Message, Person } from "./core/types.js";
import * as elements from "./index.js";

type Heard<Detail> = EventName<CustomEvent<Detail>>;

export const MessagingProvider = createComponent({
  react: React,
  tagName: "messaging-provider",
  elementClass: elements.MessagingProvider,
  events: {
    onReady: "messaging-ready" as Heard<Me>,
    onSignedOut: "messaging-signed-out" as Heard<undefined>,
    onState: "messaging-state" as Heard<LiveState>,
    onMessage: "messaging-message" as Heard<Message>,
    onSent: "messaging-sent" as Heard<{ entry: Entry; message: Message }>,
    onFailed: "messaging-failed" as Heard<Entry>,
    onSelect: "messaging-select" as Heard<string | null>,
    onUnread: "messaging-unread" as Heard<number>,
  },
});

export const MessagingInbox = createComponent({
  react: React,
  tagName: "messaging-inbox",
  elementClass: elements.MessagingInbox,
  events: { onChoose: "messaging-choose" as Heard<string> },
});

export const MessagingThread = createComponent({
  react: React,
  tagName: "messaging-thread",
  elementClass: elements.MessagingThread,
  events: { onBack: "messaging-back" as Heard<undefined> },
});

export const MessagingComposer = createComponent({
  react: React,
  tagName: "messaging-composer",
  elementClass: elements.MessagingComposer,
  events: { onWrite: "messaging-write" as Heard<Entry> },
});

export const MessagingChat = createComponent({
  react: React,
  tagName: "messaging-chat",
  elementClass: elements.MessagingChat,
  events: { onToggle: "messaging-toggle" as Heard<boolean> },
});

export const MessagingBadge = createComponent({
  react: React,
  tagName: "messaging-badge",
  elementClass: elements.MessagingBadge,
});

export const MessagingStatus = createComponent({
  react: React,
  tagName: "messaging-status",
  elementClass: elements.MessagingStatus,
});

export const MessagingStart = createComponent({
  react: React,
  tagName: "messaging-start",
  elementClass: elements.MessagingStart,
  events: { onStarted: "messaging-started" as Heard<string> },
});

export const MessagingNew = createComponent({
  react: React,
  tagName: "messaging-new",
  elementClass: elements.MessagingNew,
  events: {
    onStarted: "messaging-started" as Heard<string>,
    onClose: "messaging-close" as Heard<undefined>,
  },
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
  onStarted?: (conversationId: string) => void;
}

export function StartConversationButton(props: StartConversationButtonProps) {
  const { productId, sellerId, sellerName, href, onStarted, className, children } = props;
  return create(
    MessagingStart,
    {
      to: String(sellerId),
      toName: sellerName ?? "",
      contextType: productId === undefined ? "" : "product",
      contextId: String(productId ?? ""),
      href: href ?? "/messages?conversation={id}",
      onStarted: detail(onStarted),
      className,
    },
    children,
  );
}

export interface MessageBadgeProps extends Styled {
  max?: number;
}

export function MessageBadge({ max = 99, className }: MessageBadgeProps) {
  return create(MessagingBadge, { max: String(max), className });
}

export interface MessageNotificationsProps extends MessageBadgeProps {
  href?: string;
}

/** The header's link with its badge. */
export function MessageNotifications(props: MessageNotificationsProps) {
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

export function WebSocketStatus({ quiet = false, className }: WebSocketStatusProps) {
  return create(MessagingStatus, { quiet, className });
}

export interface ConversationListProps extends Styled {
  selectedId?: string;
  filters?: string;
  heading?: string;
  onSelect?: (conversationId: string) => void;
}

export function ConversationList(props: ConversationListProps) {
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

export function ConversationDetail(props: ConversationDetailProps) {
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

export function MessageForm(props: MessageFormProps) {
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

export function NewConversationModal(props: NewConversationModalProps) {
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
  onClose?: () => void;
}

export function ChatWindow(props: ChatWindowProps) {
  const { conversationId, receiverId, receiverName, productId, onClose, className } = props;
  return create(MessagingThread, {
    conversation: conversationId ?? "",
    to: String(receiverId ?? ""),
    toName: receiverName ?? "",
    contextType: productId === undefined ? "" : "product",
    contextId: String(productId ?? ""),
    backButton: !!onClose,
    onBack: onClose,
    className,
  });
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
}: ChatCardProps) {
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
