// The table of waiting requests, and a command's way to the workers and back.
#include "ngx_module/ngx_command.hpp"

#include <cstddef>

#include "schema/limits.hpp"
#include "schema/model.hpp"
#include "schema/problem.hpp"

namespace messaging {
namespace {

// Nobody guesses a command's id, and so nobody claims its key or forges its reply.
constexpr size_t kIdBytes = 16;

void fail(ngx_http_request_t* r, Code code, const std::string& detail) {
    finish(r, [&] { return respondFailure(r, {code, detail}); });
}

// Whether the command is in its stream now.
void takeReceipt(Process* process, uint64_t ticket, const RedisAnswer* answer) {
    ngx_http_request_t* r = process->commands->find(ticket);
    if (r == nullptr) {
        return;
    }
    const std::string command = "command " + process->commands->commandId(ticket);
    if (answer == nullptr) {
        fail(r, Code::Timeout, command + ": Redis went before it took the command");
        return;
    }
    switch (answer->kind) {
        case RedisAnswer::Kind::Text:
            return;  // it is; the reply follows
        case RedisAnswer::Kind::Nil:
            fail(r, Code::QueueFull, command + ": its stream is full");
            return;
        case RedisAnswer::Kind::Error:
            // A script's only write is its last act: an error means that it wrote
            // nothing.
            process->logOddity("Redis refuses commands", answer->text);
            finish(r, [&] { return respondProblem(r, Code::RedisUnavailable); });
            return;
        default:
            fail(r, Code::Timeout, command + ": Redis took it in a way unknown here");
    }
}

ngx_int_t respondReply(ngx_http_request_t* r, const Reply& reply) {
    // That it could not be marked read is no reason not to show it.
    if (existingContext(r)->shown.data != nullptr) {
        return respond(r, NGX_HTTP_OK, view(existingContext(r)->shown));
    }
    if (reply.code != Code::Ok) {
        return respondFailure(
            r, {reply.code, "command " + reply.id + ", says its worker", reply.field});
    }
    if (reply.status == NGX_HTTP_NO_CONTENT &&
        existingContext(r)->operation == Operation::Typing) {
        return respondNothing(r);
    }
    if (reply.status != NGX_HTTP_OK && reply.status != NGX_HTTP_CREATED) {
        return respondFailure(
            r, {Code::Internal,
                "command " + reply.id + ": a reply of no status known here"});
    }
    if (existingContext(r)->operation == Operation::Start &&
        reply.status == NGX_HTTP_OK) {
        refundStart(r);
    }
    return respond(r, reply.status, reply.body);
}

void giveUp(ngx_http_request_t* r, const RequestContext& own) {
    if (own.operation == Operation::Status) {
        finish(r, [r] { return respondStatus(r, false, {}); });
        return;
    }
    if (own.shown.data != nullptr) {
        finish(r, [&] { return respond(r, NGX_HTTP_OK, view(own.shown)); });
        return;
    }
    if (!process(r)->redis->up()) {  // it never was: nothing was sent
        fail(r, Code::RedisUnavailable, "Redis does not let us in");
        return;
    }
    if (own.early) {
        fail(r, Code::RedisUnavailable, "no worker has made the list of revocations");
        return;
    }
    const std::string id = process(r)->commands->commandId(own.ticket);
    fail(r, Code::Timeout,
         id.empty() ? "Redis does not answer" : "no reply to command " + id);
}

void onDeadline(ngx_event_t* event) {
    auto* own = reinterpret_cast<RequestContext*>(reinterpret_cast<u_char*>(event) -
                                                  offsetof(RequestContext, deadline));
    ngx_http_request_t* r = own->request;
    const bool answered = guard(event->log, false, [&] {
        giveUp(r, *own);
        return true;
    });
    if (!answered) {  // what failed did so before the request was finished
        finish(r, [] { return ngx_int_t{NGX_ERROR}; });
    }
}

// Who asks, once the identity that was signed in is gone.
Identity identityOf(const RequestContext& own) {
    Identity who;
    who.site = view(own.site);
    who.user = view(own.user);
    who.role = view(own.role);
    who.name = view(own.name);
    who.team = view(own.team);
    return who;
}

// --- A reply that is not the last word

// Redis lost the profile, and so did a worker that had not read it yet: nothing was
// done. Once.
bool askAgain(Process* process, uint64_t ticket, ngx_http_request_t* r) {
    RequestContext* own = existingContext(r);
    const LocConf* conf = locConf(r);
    auto* command = static_cast<Command*>(own->command);
    if (command == nullptr || conf->profile == nullptr || own->restored) {
        return false;
    }
    own->restored = true;
    return storeProfile(process, *conf->profile) &&
           enqueue(process, ticket, conf, command);
}

// What a page was shown is read; it gets its answer when that is stored, so that the
// badge that it asks for next knows.
bool markRead(Process* process, uint64_t ticket, ngx_http_request_t* r,
              const Reply& reply) {
    RequestContext* own = existingContext(r);
    if (!own->reads || reply.seq == 0 || own->shown.data != nullptr) {
        return false;
    }
    own->shown = copyToPool(r->pool, reply.body);
    if (own->shown.data == nullptr) {
        return false;
    }
    ReadArguments arguments;
    arguments.seq = reply.seq;
    Command command;
    command.operation = Operation::Read;
    command.who = identityOf(*own);
    command.conversation = reply.conversation;
    command.body = encode(arguments);
    return enqueue(process, ticket, locConf(r), &command);
}

// Whether another reply has to be waited for.
bool goesOn(Process* process, uint64_t ticket, ngx_http_request_t* r,
            const Reply& reply) {
    return guard(r->connection->log, false, [&] {
        if (reply.code == Code::ProfileUnknown) {
            return askAgain(process, ticket, r);
        }
        return reply.code == Code::Ok && markRead(process, ticket, r, reply);
    });
}

void onCleanup(void* data) {
    unpark(static_cast<ngx_http_request_t*>(data));
}

}  // namespace

// --- The table

void Commands::release(uint64_t ticket) {
    if (const Waiting* waiting = waiting_.find(ticket)) {
        byId_.erase(waiting->id);
        waiting_.erase(ticket);
    }
}

ngx_http_request_t* Commands::find(uint64_t ticket) {
    const Waiting* waiting = waiting_.find(ticket);
    return waiting == nullptr ? nullptr : waiting->request;
}

void Commands::expect(uint64_t ticket, const std::string& id) {
    if (Waiting* waiting = waiting_.find(ticket)) {
        byId_.erase(waiting->id);
        byId_[id] = ticket;
        waiting->id = id;
    }
}

uint64_t Commands::expecting(const std::string& id) const {
    const auto found = byId_.find(id);
    return found == byId_.end() ? 0 : found->second;
}

std::string Commands::commandId(uint64_t ticket) {
    const Waiting* waiting = waiting_.find(ticket);
    return waiting == nullptr ? std::string() : waiting->id;
}

// --- Waiting

uint64_t reserve(ngx_http_request_t* r) {
    ngx_http_cleanup_t* cleanup = ngx_http_cleanup_add(r, 0);
    if (cleanup == nullptr) {
        return 0;
    }
    cleanup->handler = onCleanup;
    cleanup->data = r;
    RequestContext* own = existingContext(r);
    own->ticket = process(r)->commands->take(r);
    return own->ticket;
}

ngx_int_t park(ngx_http_request_t* r, ngx_msec_t timeout) noexcept {
    RequestContext* own = existingContext(r);
    // A connection as data: nginx's debug log takes the event's number from it.
    own->deadline.data = r->connection;
    own->deadline.log = r->connection->log;
    own->deadline.handler = onDeadline;
    ngx_add_timer(&own->deadline, timeout);

    r->connection->log->action = const_cast<char*>("waiting for messaging");
    if (!r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }
    r->write_event_handler = ngx_http_request_empty_handler;
    r->main->count++;
    return NGX_DONE;
}

void unpark(ngx_http_request_t* r) noexcept {
    RequestContext* own = existingContext(r);
    if (own == nullptr || own->ticket == 0) {
        return;
    }
    if (own->deadline.timer_set) {
        ngx_del_timer(&own->deadline);
    }
    if (Process* here = process(r)) {
        here->commands->release(own->ticket);
    }
    own->ticket = 0;
}

// --- To the workers and back

void identify(Command* command) {
    if (command->id.empty()) {
        command->id = randomDigits(kIdBytes);
    }
    if (command->key.empty()) {
        command->key = "i:" + command->id;
    }
}

bool keepCommand(ngx_http_request_t* r, const Command& command) {
    auto* kept = makeInPool<Command>(r->pool);
    if (kept != nullptr) {
        *kept = command;
        existingContext(r)->command = kept;
    }
    return kept != nullptr;
}

bool storeProfile(Process* process, const core::SiteProfile& profile) {
    const std::string seconds = std::to_string(limits::kProfileSeconds);
    return process->redis->command(
        {"SET", process->keys.profile(profile.hash), profile.encoded, "EX", seconds},
        [](const RedisAnswer*) {});
}

namespace {

// Appends the command to its stream.
bool append(Process* process, Command* command, Redis::Done done) {
    command->reply = process->replyChannel;
    std::string scratch;
    const Fields fields = encodeCommand(*command, scratch);
    const std::string stream =
        isWrite(command->operation)
            ? process->keys.commands(shardOf(command->conversation))
            : process->keys.reads();
    const std::string most = std::to_string(limits::kMaxQueue);
    std::vector<std::string_view> words = {"EVAL", kEnqueueScript, "1", stream, most};
    words.reserve(words.size() + 2 * fields.size());
    for (const auto& [name, value] : fields) {
        words.push_back(name);
        words.push_back(value);
    }
    return process->redis->command(words, std::move(done));
}

}  // namespace

bool enqueue(Process* process, uint64_t ticket, const LocConf* conf, Command* command) {
    identify(command);
    command->ttl = static_cast<uint32_t>(conf->timeout);
    process->commands->expect(ticket, command->id);
    return append(process, command, [process, ticket](const RedisAnswer* answer) {
        takeReceipt(process, ticket, answer);
    });
}

ngx_int_t ask(ngx_http_request_t* r, const LocConf* conf, Command* command) {
    Process* here = process(r);
    const uint64_t ticket = reserve(r);
    if (ticket == 0) {
        return respondProblem(r, Code::QueueFull);
    }
    if (!enqueue(here, ticket, conf, command)) {
        unpark(r);
        return respondProblem(r, Code::RedisUnavailable);
    }
    return park(r, conf->timeout);
}

void tell(Process* process, Command* command) {
    identify(command);
    append(process, command, [](const RedisAnswer*) {});
}

void takeReply(Process* process, std::string_view payload) {
    auto reply = decodeReply(payload);
    if (!reply.ok()) {
        process->logOddity("a reply that cannot be read", reply.status().detail());
        return;
    }
    const uint64_t ticket = process->commands->expecting(reply->id);
    ngx_http_request_t* r = process->commands->find(ticket);
    if (r == nullptr || goesOn(process, ticket, r, reply.value())) {
        return;
    }
    const bool badge = existingContext(r)->operation == Operation::UnreadCount;
    if (badge && reply->code == Code::Ok) {
        takeBadgeReply(process, r, reply.value());
    } else {
        finish(r, [&] { return respondReply(r, reply.value()); });
    }
}

void failAll(Process* process) {
    for (const uint64_t ticket : process->commands->tickets()) {
        ngx_http_request_t* r = process->commands->find(ticket);
        if (r == nullptr) {
            continue;  // went with one before it
        }
        if (existingContext(r)->operation == Operation::Status) {
            finish(r, [r] { return respondStatus(r, false, {}); });
        } else {
            finish(r, [r] { return respondProblem(r, Code::Timeout); });
        }
    }
}

}  // namespace messaging
