// A server component: it renders the wrappers, and loads every entry of the package on the server.
import * as client from "nginx-messaging/client";
import * as socket from "nginx-messaging/socket";
import Dashboard from "./dashboard";

export const dynamic = "force-dynamic";

export default async function Page({ searchParams }: { searchParams: Promise<{ with?: string }> }) {
  const { with: other = "bob" } = await searchParams;
  const loaded = [typeof client.MessagingClient, typeof socket.io].join(" ");
  return (
    <main data-loaded={loaded}>
      <h1>Messages</h1>
      <Dashboard other={other} />
    </main>
  );
}
