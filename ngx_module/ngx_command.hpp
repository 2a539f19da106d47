// Requests that wait: for a worker's reply, or for Redis itself. They are known by
// tickets, so that an answer that comes late, twice or never meets no request that is
// gone.
//
// The life of one: take a ticket, ask (Redis answers later, never at once), park; then
// exactly one of answer, deadline, loss of Redis finishes it, or the client leaves.
#pragma once

#include "ngx_module/ngx_messaging.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ngx_module/core/pending.hpp"
#include "schema/wire.hpp"

namespace messaging {

class Commands {
public:
    explicit Commands(size_t most) : waiting_(most) {}

    // 0 if too many wait.
    uint64_t take(ngx_http_request_t* r) { return waiting_.add({r, {}}); }
    void release(uint64_t ticket);
    // The request of a ticket, nullptr if it waits no more.
    ngx_http_request_t* find(uint64_t ticket);
    std::vector<uint64_t> tickets() const { return waiting_.tickets(); }

    // Replies to the command of this id are for that ticket.
    void expect(uint64_t ticket, const std::string& id);
    uint64_t expecting(const std::string& id) const;  // 0: nobody
    std::string commandId(uint64_t ticket);           // empty: none

private:
    struct Waiting {
        ngx_http_request_t* request;
        std::string id;
    };

    core::Pending<Waiting> waiting_;
    std::unordered_map<std::string, uint64_t> byId_;
};

// A ticket that ends with the request; 0 if too many wait or there is no memory.
uint64_t reserve(ngx_http_request_t* r);
// Keeps a request that has a ticket, at most for `timeout`. Returns what its handler
// should.
ngx_int_t park(ngx_http_request_t* r, ngx_msec_t timeout) noexcept;
// It waits no more, or was not kept at all: its ticket and its deadline go.
void unpark(ngx_http_request_t* r) noexcept;

// Ends a parked request with the answer that `answer` sends and whose value it returns.
// The request may be gone afterwards.
template <typename Answer>
void finish(ngx_http_request_t* r, Answer answer) {
    ngx_connection_t* connection = r->connection;
    unpark(r);
    ngx_http_set_log_request(connection->log, r);
    const ngx_int_t rc = guard(connection->log, ngx_int_t{NGX_ERROR}, answer);
    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(connection);
}

// Gives a command its id, and the key that follows from it if it has none.
void identify(Command* command);

// Sends a command on its way to the workers: identified, with its reply channel and
// time to live. False: surely not sent.
bool enqueue(Process* process, uint64_t ticket, const LocConf* conf, Command* command);

// Where workers find it. False: surely not sent.
bool storeProfile(Process* process, const core::SiteProfile& profile);

// Keeps a copy of an identified one with the request, so that it can be asked again.
// False: no memory.
bool keepCommand(ngx_http_request_t* r, const Command& command);

// Sends a command and leaves the request waiting for its reply. What a content handler
// should return.
ngx_int_t ask(ngx_http_request_t* r, const LocConf* conf, Command* command);

// Sends a command whose reply nobody waits for, with the time to live that all have.
void tell(Process* process, Command* command);

// --- ngx_rate.cpp
// Likewise, if its user may do so now (messaging_rate); else it is refused.
ngx_int_t askWithinRate(ngx_http_request_t* r, const LocConf* conf, Command* command);
// A start that found its conversation was none.
void refundStart(ngx_http_request_t* r);

// --- ngx_command.cpp again
// What came on the process's own channel.
void takeReply(Process* process, std::string_view payload);

// Redis is there, or is not: those that waited to know are served now.
void serveEarly(Process* process);

// Redis is gone, and replies with it: nobody waits any longer.
void failAll(Process* process);

}  // namespace messaging
