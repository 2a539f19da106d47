// Nothing of this runs: each prop is known by its type, and a wrong one is an error.

import { type MessagingProvider as Provider, registerLocale } from "nginx-messaging";
import { type Message, MessagingClient } from "nginx-messaging/client";
import french from "nginx-messaging/locales/fr.json";
import {
  ChatCard,
  ConversationList,
  MessageForm,
  MessagingBadge,
  MessagingChat,
  MessagingComposer,
  MessagingInbox,
  MessagingNew,
  MessagingProvider,
  MessagingStart,
  MessagingStatus,
  MessagingThread,
  StartConversationButton,
} from "nginx-messaging/react";
import { io } from "nginx-messaging/socket";
import { useRef } from "react";

export function Right() {
  const provider = useRef<Provider>(null);
  return (
    <MessagingProvider
      ref={provider}
      api="/api"
      theme="dark"
      density="compact"
      getToken={async () => "token"}
      onMessage={({ detail }) => show(detail)}
      onUnread={({ detail }) => detail.toFixed()}
      className="messages"
      style={{ color: "red" }}
    >
      <MessagingInbox filters="all" urlParam="c" onChoose={(event) => event.detail.length} />
      <MessagingThread to="bob" toName="Bob" contextType="product" contextId="1" backButton />
      <MessagingComposer conversation="c" onWrite={({ detail }) => detail.key} />
      <MessagingChat to="bob" inline open onToggle={({ detail }) => !detail} slot="chat" />
      <MessagingBadge max="9" pageTitle appBadge />
      <MessagingStatus quiet />
      <MessagingStart to="bob" href="/m/{id}" label="Write" />
      <MessagingNew
        kind="ticket"
        to="team:admin"
        noSubject
        onClose={() => provider.current?.signOut()}
      />
    </MessagingProvider>
  );
}

export function Wrong() {
  return (
    <>
      {/* @ts-expect-error a number is no address */}
      <MessagingProvider api={3} />
      {/* @ts-expect-error there is no such theme */}
      <MessagingProvider theme="blue" />
      {/* @ts-expect-error it has no such prop */}
      <MessagingBadge maximum="3" />
      {/* @ts-expect-error without the partner there is nobody to write to */}
      <ChatCard storefrontId="s1" />
      {/* @ts-expect-error it hears of an id */}
      <ConversationList onSelect={(id: number) => id} />
      {/* @ts-expect-error it needs a conversation */}
      <MessageForm />
      {/* @ts-expect-error a seller is an id */}
      <StartConversationButton sellerId={{}} />
    </>
  );
}

export function show(message: Message): string {
  return message.content;
}

export function headless(): void {
  registerLocale(french);
  const client = new MessagingClient({ api: "/api" });
  client.on("message", show);
  const socket = io({ transports: ["websocket"] });
  socket.on("new-message", (message) => message.roomId + message.content);
  socket.on("a-word-of-ours", (anything) => anything.at.all);
  // @ts-expect-error a message has no such field
  socket.on("new-message", (message) => message.texts);
}
