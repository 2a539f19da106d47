// What is kept in IndexedDB: by scope one value, that is only ever edited as a whole, in one
// transaction, so that two tabs lose nothing of each other's.

/** Until it has succeeded; nothing here can hang, for whoever waits would never send again. */
function over(work: IDBOpenDBRequest | IDBTransaction): Promise<unknown> {
  return new Promise((done, fail) => {
    Object.assign(work, { onsuccess: done, oncomplete: done, onerror: fail, onabort: fail });
  });
}

export async function update<T>(scope: string, edit: (old?: T) => T): Promise<void> {
  const opening = indexedDB.open("nginx-messaging");
  opening.onupgradeneeded = () => opening.result.createObjectStore("outbox");
  await over(opening);
  const database = opening.result;
  const transaction = database.transaction("outbox", "readwrite");
  const store = transaction.objectStore("outbox");
  const asked = store.get(scope);
  asked.onsuccess = () => store.put(edit(asked.result), scope);
  await over(transaction);
  database.close();
}
