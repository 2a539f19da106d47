// The Pages router: rendered on the server for each request.

import Head from "next/head";
import * as elements from "nginx-messaging";
import { MessageBadge, MessagingInbox, MessagingProvider } from "nginx-messaging/react";

export async function getServerSideProps() {
  return { props: { loaded: typeof elements.MessagingClient } };
}

export default function Inbox({ loaded }: { loaded: string }) {
  return (
    <MessagingProvider api="/api/messages" worker="/messaging-worker.js" locale="en">
      <Head>
        <title>Inbox</title>
        <link rel="icon" href="data:," />
      </Head>
      <main data-loaded={loaded}>
        <h1>
          Inbox <MessageBadge />
        </h1>
        <MessagingInbox filters="all unread" />
      </main>
    </MessagingProvider>
  );
}
