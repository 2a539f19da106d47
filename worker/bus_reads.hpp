// Reads on their way through Redis: one stream for all workers, without
// acknowledgement; a read that is lost is its caller's 504. Also the cached badges.
// Failures are of the connection, as in bus.hpp. An instance belongs to one thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "schema/keys.hpp"
#include "worker/bus_session.hpp"
#include "worker/handler.hpp"
#include "worker/profiles.hpp"

namespace messaging::worker {

class ReadBus {
public:
    // `consumer` need not be unique: nothing is ever pending.
    ReadBus(RedisOptions options, Keys keys, std::string consumer);

    Status connect() { return session_.connect(); }
    void close() { session_.close(); }
    bool connected() const { return session_.connected(); }
    std::string takeComplaint() { return session_.takeComplaint(); }

    // New reads, waiting up to `block` for the first.
    Result<std::vector<Delivered>> read(std::chrono::milliseconds block);

    // Leaves a nonce where the unread count of this member of the site will be cached;
    // empty where somebody else's stands. To be done before the store is read.
    Result<std::string> reserveBadge(const std::string& site,
                                     const std::string& member);

    // Which of these are there; nothing may be appended before it. A failure leaves
    // them as they are.
    void findPresences(std::vector<User>* users);
    // Appends what is said to whoever listens to that inbox now.
    void whisper(const Publication& publication);
    // Appends the reply to one read; `nonce` as it was reserved, or empty.
    void answer(const Delivered& read, const Reply& reply, const std::string& nonce);
    // Appends the end of a read that nobody waits for.
    void drop(const Delivered& read);
    // Sends what was appended.
    Status flush();

private:
    Status makeGroup();

    Session session_;
    Profiles profiles_;
    Keys keys_;
    std::string consumer_;
};

}  // namespace messaging::worker
