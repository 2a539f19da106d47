"use client";
// All the names that older pages know, on one page.
import {
  ChatCard,
  ChatList,
  ChatWindow,
  ConversationDetail,
  ConversationList,
  MessageBadge,
  MessageForm,
  MessageNotifications,
  MessagingProvider,
  NewConversationModal,
  StartConversationButton,
  WebSocketStatus,
} from "nginx-messaging/react";
import { useState } from "react";

export default function Dashboard({ other }: { other: string }) {
  const [selected, setSelected] = useState<string>();
  const [first, setFirst] = useState<string>();
  const [open, setOpen] = useState(false);
  const [said, setSaid] = useState("");
  return (
    <MessagingProvider
      api="/api/messages"
      worker="/messaging-worker.js"
      signIn="/login"
      theme="light"
      onReady={(event) => setSaid(`ready ${event.detail.id}`)}
    >
      <header>
        <MessageNotifications href="/messages" max={9}>
          Inbox
        </MessageNotifications>
        <MessageBadge className="alone" max={9} />
        <WebSocketStatus />
      </header>
      <p id="said">{said}</p>
      <StartConversationButton
        productId={4711}
        sellerId={other}
        sellerName="The seller"
        onStarted={(id) => {
          setSelected(id);
          setFirst(id);
          setSaid(`started ${id}`);
        }}
      >
        Write to the seller
      </StartConversationButton>
      <button type="button" id="first" onClick={() => setSelected(first)}>
        The first one
      </button>
      <button type="button" id="new" onClick={() => setOpen(true)}>
        New
      </button>
      <NewConversationModal
        isOpen={open}
        kind="direct"
        people={async () => [{ id: other, name: "The other" }]}
        onClose={() => setOpen(false)}
        onCreated={(id) => {
          setSelected(id);
          setSaid(`created ${id}`);
        }}
      />
      <section id="list">
        <ConversationList selectedId={selected} heading="Conversations" onSelect={setSelected} />
      </section>
      <section id="detail">
        <ConversationDetail conversationId={selected} onBack={() => setSelected(undefined)} />
      </section>
      {selected && (
        <section id="form">
          <MessageForm
            conversationId={selected}
            placeholder="Answer"
            onSend={(entry) => setSaid(`wrote ${entry.message.content}`)}
          />
        </section>
      )}
      <section id="chats">
        <ChatList filters="all unread" heading="Chats" />
      </section>
      <section id="window">
        <ChatWindow receiverId={other} receiverName="The other" appointmentId={7} />
      </section>
      <section id="card">
        <ChatCard partnerId={other} partnerName="The venue" storefrontId="s1" />
      </section>
    </MessagingProvider>
  );
}
