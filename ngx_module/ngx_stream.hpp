// The event streams of one nginx process: what the hub (core/hub.hpp) decides, done
// with nginx's requests and connections.
//
// A stream begins as a request, held until `hello` can be sent. Over HTTP/1.x the
// request is then given up and the stream lives on as a bare connection ("parked", see
// ngx_stream_open.cpp): a tenth of the memory. Over HTTP/2, and where something stands
// between us and the socket, the request stays ("held"). Only the last step of a write
// and of an end differs.
//
// Streams owns its subscribers. A held one dies with its request (by the request's
// cleanup), a parked one owns its connection. Nothing ends inside a call of the hub:
// what fails there is doomed, and ended right after.
#pragma once

#include "ngx_module/ngx_messaging.hpp"

#include <algorithm>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ngx_module/core/drain.hpp"
#include "ngx_module/core/hub.hpp"
#include "ngx_module/core/presence.hpp"
#include "ngx_module/core/revocation.hpp"
#include "ngx_module/core/sse.hpp"

namespace messaging {

// For draws (core/drain.hpp): nginx's generator gives 31 bits.
inline uint32_t random32() {
    return static_cast<uint32_t>(ngx_random()) << 1;
}

// What waits for a client. It is measured by what came while something waited already:
// what was given to a client that had taken all may be of any size, as a log's page is,
// and says nothing about the client.
struct Backlog {
    size_t waiting = 0;
    size_t excused = 0;  // of these, the first: given when nothing waited

    void add(size_t bytes) {
        excused = waiting == 0 ? bytes : excused;
        waiting += bytes;
    }
    void leave(size_t bytes) {
        excused -= std::min(excused, bytes);
        waiting -= bytes;
    }
};

// What was written to a request and has not left yet; lives as long as the request,
// which can outlive its stream. Filters keep links to buffers that have left, so the
// buffers are the request's and used again; only their texts are freed.
struct HeldOutput {
    ngx_chain_t* free = nullptr;
    ngx_chain_t* busy = nullptr;
    std::deque<std::string> texts;  // of the busy ones, in their order
    Backlog backlog;
};

// Likewise to a connection.
struct ParkedOutput {
    std::string bytes;
    size_t sent = 0;
    Backlog backlog;
};

// One stream. There are thousands: no member without need.
struct Subscriber : core::Stream {
    enum class Phase {
        Opening,  // a request that waits for `hello`
        Live,
        Ending,  // `bye` is on its way out
    };

    std::list<Subscriber>::iterator self;
    Streams* owner = nullptr;
    const LocConf* conf = nullptr;  // lives as long as this process's configuration
    ngx_connection_t* connection = nullptr;
    ngx_http_request_t* request = nullptr;  // nullptr: parked
    ngx_http_cleanup_t* cleanup = nullptr;  // the request's; calls us when it goes
    HeldOutput* held = nullptr;             // in the request's pool
    std::unique_ptr<ParkedOutput> parked;   // nullptr: nothing waits
    std::unique_ptr<std::string> identity;  // data of `hello`, until it is sent
    std::string user;
    std::unique_ptr<std::string> team;  // where a profile's words depend on it
    uint64_t session = 0;               // core::sessionMark
    uint64_t issued = 0;                // the token, Unix seconds; 0: not said
    const char* code = nullptr;         // why it ends; set: doomed
    ngx_msec_t opened = 0;
    ngx_msec_t endAt = 0;
    ngx_msec_t written = 0;
    ngx_msec_t blockedAt = 0;  // since when bytes wait without any leaving; 0: none do
    uint64_t bytes = 0;
    uint32_t beat = 0;  // milliseconds of silence until a heartbeat
    uint32_t events = 0;
    uint32_t junk = 0;  // bytes that the client sent after its request
    Phase phase = Phase::Opening;
    bool expires = false;  // endAt is the token's
    bool chunked = false;  // parked: chunks are ours to frame
};

class Streams : core::Hub::Outlet {
public:
    Streams(Process& process, const MainConf& conf);
    ~Streams() override;

    void redisUp();
    void redisDown();
    void redisSubscribed(std::string_view channel);
    void redisMessage(std::string_view channel, std::string_view payload);

    // Ends the streams that it is about.
    void revoke(const Revocation& revocation);

    // A content handler: the request is held, or answered.
    ngx_int_t serve(ngx_http_request_t* r, const LocConf* conf, const Identity& who,
                    uint64_t expires);

private:
    // Hub::Outlet
    void subscribe(const core::InboxKey& inbox) override;
    void unsubscribe(const core::InboxKey& inbox) override;
    bool renew(const core::InboxKey& inbox, uint64_t renewal) override;
    bool fetch(const core::InboxKey& inbox, const LogId& from, uint64_t fetch) override;
    void open(core::Stream& stream, const core::Opening& opening) override;
    void refuse(core::Stream& stream) override;
    void deliver(core::Stream& stream, const core::Batch& batch,
                 const core::Place& place) override;
    void whisper(core::Stream& stream, const core::Entry& entry) override;
    void reset(core::Stream& stream, const core::Place& place,
               std::string_view reason) override;
    bool busy(const core::Stream& stream) override;

    // ngx_stream_redis.cpp: what Redis is asked and answers
    std::string channelOf(const core::InboxKey& inbox) const;
    std::optional<core::InboxKey> inboxOf(std::string_view channel) const;
    std::string logOf(const core::InboxKey& inbox) const;
    void takeRenewal(const core::InboxKey& inbox, uint64_t renewal,
                     const RedisAnswer& answer);
    void takeEntries(uint64_t fetch, const RedisAnswer& answer);

    // ngx_presence.cpp: who is there
    void came(const Subscriber& stream);
    void went(const Subscriber& stream);
    void tellPresence();
    void tellPresence(const core::Presence::News& news);
    void takePresence(const core::Person& person, const RedisAnswer& answer);
    static void onPresence(ngx_event_t* event);

    // ngx_stream.cpp: the hub's decisions, time, ends
    void word(const Subscriber& stream, core::Entry* entry);
    void append(const Subscriber& stream, const core::Batch& batch,
                const core::Place& place);  // to block_
    void afterHub();
    void doom(Subscriber& stream, const char* code);
    void sweep();
    void look(Subscriber& stream, ngx_msec_t now);
    ngx_msec_t drainTime() const;
    void drain(ngx_msec_t now);
    void arm(ngx_event_t& timer, ngx_msec_t pause);
    void end(Subscriber& stream, const char* code);
    void cut(Subscriber& stream, const char* code);
    void leave(Subscriber& stream, const char* code);
    // A stream of the inbox that it is about; nullptr: none.
    Subscriber* revoked(const core::InboxKey& inbox, const Revocation& revocation);
    void answerUnavailable(Subscriber& stream);
    void finish(Subscriber& stream, ngx_int_t rc);
    void release(Subscriber& stream);
    static void onSweep(ngx_event_t* event);
    static void onPace(ngx_event_t* event);

    // ngx_stream_open.cpp: from a request to a stream, and to a parked one
    bool admit(const LocConf* conf, const core::InboxKey& inbox);
    Subscriber& make(ngx_http_request_t* r, const LocConf* conf, const Identity& who,
                     uint64_t expires);
    bool hold(Subscriber& stream);
    bool sendHead(Subscriber& stream);
    void parkSoon(Subscriber& stream);
    void park(Subscriber& stream);
    static void onPark(ngx_event_t* event);
    static void onRequestGone(void* data);

    // ngx_stream_write.cpp: bytes. A code where the stream must end for it, else
    // nullptr.
    const char* write(Subscriber& stream);  // what is in block_
    const char* writeLast(Subscriber& stream);
    const char* writeHeld(Subscriber& stream, std::string_view bytes, bool last);
    const char* flushHeld(Subscriber& stream, ngx_chain_t* out);
    const char* writeParked(Subscriber& stream, std::string_view bytes);
    const char* flushParked(Subscriber& stream);
    const char* judge(Subscriber& stream, const Backlog& backlog, bool progress);
    static bool flushed(const Subscriber& stream);
    void taken(Subscriber& stream);
    void readable(Subscriber& stream);
    void writable(Subscriber& stream);
    static void onHeldWritable(ngx_http_request_t* r);
    static void onReadable(ngx_event_t* event);
    static void onWritable(ngx_event_t* event);

    Process& process_;
    const MainConf& conf_;
    core::Hub hub_{*this};
    core::Drain drain_;
    core::Presence presence_;
    std::list<Subscriber> streams_;  // the one that was looked at longest ago first
    size_t live_ = 0;                // of them, in phase Live
    std::vector<Subscriber*> doomed_;
    std::vector<Subscriber*> parking_;
    core::Block block_;
    const core::Entry* rendered_ =
        nullptr;  // what block_ holds, during a call of the hub
    std::string channelHead_;
    std::string channelTail_;

    ngx_connection_t dummy_ = {};  // nginx's debug log takes a timer's number from it
    ngx_event_t sweepTimer_ = {};
    ngx_event_t paceTimer_ = {};
    ngx_event_t parkEvent_ = {};
    ngx_event_t presenceTimer_ = {};
};

}  // namespace messaging
