// The content handler: what a request asks for, by whom, and whether it may be asked
// like that; then the command it becomes. All rights are the worker's to decide.
//
// A handler that leaves the request waiting (park) has counted it and returns NGX_DONE;
// any other value is an answer's.
#include "ngx_module/ngx_command.hpp"

#include "ngx_module/core/origin.hpp"
#include "ngx_module/core/query.hpp"
#include "ngx_module/ngx_revocation.hpp"
#include "schema/json.hpp"
#include "schema/model.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

// No Redis is 503 at once, so nobody waits long to hear it.
constexpr ngx_msec_t kEarlyTime = 1000;

// A write while its body is being read; in the request's pool.
struct Write {
    core::Question question;
    Identity who;
};

core::Method method(const ngx_http_request_t* r) {
    switch (r->method) {
        case NGX_HTTP_GET:
            return core::Method::Get;
        case NGX_HTTP_HEAD:
            return core::Method::Head;
        case NGX_HTTP_POST:
            return core::Method::Post;
        case NGX_HTTP_PUT:
            return core::Method::Put;
        case NGX_HTTP_PATCH:
            return core::Method::Patch;
        case NGX_HTTP_DELETE:
            return core::Method::Delete;
        default:
            return core::Method::Other;
    }
}

bool remember(ngx_http_request_t* r, const Identity& who) {
    RequestContext* own = existingContext(r);
    own->user = copyToPool(r->pool, who.user);
    own->role = copyToPool(r->pool, who.role);
    own->name = copyToPool(r->pool, who.name);
    own->team = copyToPool(r->pool, who.team);
    return own->user.data != nullptr && own->role.data != nullptr &&
           own->name.data != nullptr && own->team.data != nullptr;
}

// A profile's command can have to be asked again.
bool prepared(ngx_http_request_t* r, const LocConf* conf, Command* command) {
    identify(command);
    return conf->profile == nullptr || keepCommand(r, *command);
}

// --- Arguments

// Where a profile's route adds to what was said.
struct Additions {
    From from = From::Client;
    bool all = false;      // messages: as many as there are
    bool derived = false;  // the conversation need not exist
};

void add(const Additions& additions, HistoryArguments* page) {
    page->limit = additions.all ? limits::kMaxAll : page->limit;
    page->absentEmpty = additions.derived;
}

template <typename Arguments>
Status encodeTo(const Result<Arguments>& arguments, std::string* body) {
    if (arguments.ok()) {
        *body = encode(arguments.value());
    }
    return arguments.status();
}

// The operation's arguments, JSON, in canonical form. Start finds its conversation: its
// id follows from them.
Status takeArguments(const LocConf* conf, std::string_view text,
                     const Additions& additions, Command* command) {
    ArgumentLimits bounds;
    bounds.content = conf->maxContent;
    std::string* const body = &command->body;
    switch (command->operation) {
        case Operation::Start: {
            bounds.teams = conf->teams.get();
            auto start = parseStart(text, command->who.user, bounds, command->who.team,
                                    additions.from);
            if (start.ok()) {
                identify(command);  // a ticket's id follows from its key
                command->conversation =
                    conversationId(start.value(), command->who, command->key);
            }
            return encodeTo(start, body);
        }
        case Operation::Send:
            return encodeTo(parseSend(text, bounds), body);
        case Operation::Change:
            return encodeTo(parseChange(text), body);
        case Operation::Read:
            return encodeTo(parseRead(text), body);
        case Operation::Typing:
            return encodeTo(parseTyping(text), body);
        case Operation::Search:
            return encodeTo(parseSearch(text), body);
        case Operation::List:
            return encodeTo(parseList(text), body);
        case Operation::History: {
            auto page = parseHistory(text, additions.from);
            if (page.ok()) {
                add(additions, &page.value());
            }
            return encodeTo(page, body);
        }
        case Operation::Thread: {
            auto thread = parseThread(text);
            if (thread.ok()) {
                add(additions, &thread->page);
            }
            return encodeTo(thread, body);
        }
        default:
            *body = "{}";
            return {};
    }
}

// Whether a browser asks by itself, for a page that nobody may ever look at.
bool prefetches(ngx_http_request_t* r) {
    for (const std::string_view name : {"Sec-Purpose", "Purpose", "X-Moz"}) {
        bool many = false;
        if (requestHeader(r, name, &many).value_or("").find("prefetch") !=
            std::string_view::npos) {
            return true;
        }
    }
    return false;
}

// By one of the routes of the location's profile. Fields at fault are the site's.
Status takeRoute(ngx_http_request_t* r, const LocConf* conf,
                 const std::vector<size_t>& routes, const core::RequestWords& words,
                 Command* command) {
    const core::SiteProfile& profile = *conf->profile;
    const auto chosen = core::choose(profile, routes, command->who.role, words);
    if (!chosen.ok()) {
        return chosen.status();
    }
    const core::ProfileRoute& route = profile.routes[chosen.value()];
    RequestContext* own = existingContext(r);
    own->operation = route.operation;
    own->route = static_cast<uint32_t>(chosen.value()) + 1;
    own->reads = route.reads && r->method == NGX_HTTP_GET && !prefetches(r);

    const auto prepared = core::prepare(route, words, command->who);
    if (!prepared.ok()) {
        return prepared.status();
    }
    command->operation = route.operation;
    command->conversation = prepared->conversation;
    command->profile = format({profile.hash, chosen.value()});
    const Status status =
        takeArguments(conf, prepared->arguments,
                      {From::Module, route.all, prepared->derived}, command);
    return status.ok() ? status
                       : Status(status.code(), status.detail(),
                                core::siteField(route, status.field()));
}

// By the canonical API, which a profile still words.
Status takeCanonical(const LocConf* conf, const core::Question& question,
                     std::string_view text, Command* command) {
    command->operation = question.operation;
    command->conversation = question.conversation;
    if (conf->profile != nullptr) {
        command->profile = conf->profile->hash;
    }
    return takeArguments(conf, text, {}, command);
}

// --- Reads

bool hasParameters(Operation operation) {
    return operation == Operation::List || operation == Operation::History ||
           operation == Operation::Search;
}

Status takeQuery(ngx_http_request_t* r, const LocConf* conf,
                 const core::Question& question, Command* command) {
    const auto query = core::parseQuery(view(r->args));
    if (!query.ok()) {
        return query.status();
    }
    if (!question.routes.empty()) {
        core::RequestWords words;
        words.path = view(r->uri);
        words.query = &query.value();
        return takeRoute(r, conf, question.routes, words, command);
    }
    if (!hasParameters(question.operation) && !query->empty()) {
        return {Code::UnknownField, "it has no parameters", query->front().first};
    }
    return takeCanonical(conf, question, queryBody(query.value()), command);
}

ngx_int_t serveRead(ngx_http_request_t* r, const LocConf* conf, Identity who,
                    const core::Question& question) {
    Command command;
    command.who = std::move(who);
    const Status status = takeQuery(r, conf, question, &command);
    if (!status.ok()) {
        return respondFailure(r, status);
    }
    // A body has no meaning here, and must not be taken for the next request.
    const ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }
    if (command.operation == Operation::UnreadCount) {
        return serveBadge(r, conf, command.who);
    }
    return prepared(r, conf, &command) ? ask(r, conf, &command) : NGX_ERROR;
}

// --- Writes, and what else has a body

bool hasBody(Operation operation) {
    return isWrite(operation) || operation == Operation::Typing;
}

bool needsNoBody(Operation operation) {
    return operation == Operation::Typing || operation == Operation::Read;
}

// The whole body, whatever buffers and files nginx keeps it in; BodyTooLarge counts the
// bytes that came, since a chunked body says no length.
Result<std::string> bodyOf(const ngx_http_request_t* r, size_t most) {
    std::string body;
    for (const ngx_chain_t* link = r->request_body == nullptr ? nullptr
                                                              : r->request_body->bufs;
         link != nullptr; link = link->next) {
        const ngx_buf_t* buffer = link->buf;
        const off_t size = ngx_buf_size(buffer);
        if (size < 0 || static_cast<size_t>(size) > most - body.size()) {
            return Code::BodyTooLarge;
        }
        const size_t before = body.size();
        body.resize(before + static_cast<size_t>(size));
        u_char* to = reinterpret_cast<u_char*>(&body[before]);
        if (ngx_buf_in_memory(buffer)) {
            ngx_memcpy(to, buffer->pos, static_cast<size_t>(size));
        } else if (size > 0 &&
                   ngx_read_file(buffer->file, to, static_cast<size_t>(size),
                                 buffer->file_pos) != size) {
            return {Code::RedisUnavailable, "cannot read the body that nginx buffered"};
        }
    }
    return body;
}

Status takeBody(ngx_http_request_t* r, const LocConf* conf,
                const core::Question& question, std::string_view text,
                Command* command) {
    if (question.routes.empty()) {
        return takeCanonical(conf, question, text, command);
    }
    const auto body = json::parse(text.empty() ? "{}" : text);
    if (!body.ok()) {
        return body.status();
    }
    if (!body->is(json::Type::Object)) {
        return {Code::InvalidJson, "not an object"};
    }
    core::RequestWords words;
    words.path = view(r->uri);
    words.body = &body.value();
    return takeRoute(r, conf, question.routes, words, command);
}

// An empty one is refused: whoever sends it believes that repeats are safe.
Status clientKey(ngx_http_request_t* r, std::string* key) {
    bool many = false;
    const auto value = requestHeader(r, "Idempotency-Key", &many);
    if (many || (value && !validId(*value))) {
        return {Code::InvalidField, "not one id", "Idempotency-Key"};
    }
    if (value) {
        *key = "c:" + std::string(*value);
    }
    return {};
}

ngx_int_t serveWrite(ngx_http_request_t* r, const Write& write) {
    const LocConf* conf = locConf(r);
    auto body = bodyOf(r, conf->maxBody);
    if (!body.ok()) {
        return respondFailure(r, body.status());
    }
    Command command;
    command.who = write.who;
    Status status = clientKey(r, &command.key);
    if (status.ok()) {
        status = takeBody(r, conf, write.question, body.value(), &command);
    }
    if (!status.ok()) {
        return respondFailure(r, status);
    }
    return prepared(r, conf, &command) ? askWithinRate(r, conf, &command) : NGX_ERROR;
}

// nginx's callback, once the body is there. It holds a reference of its own, which the
// value of an answer ends with the request and NGX_DONE gives back.
void onBody(ngx_http_request_t* r) {
    ngx_connection_t* connection = r->connection;
    const ngx_int_t rc = guard(connection->log, ngx_int_t{NGX_ERROR}, [r] {
        const auto* write = static_cast<const Write*>(existingContext(r)->write);
        return serveWrite(r, *write);
    });
    ngx_http_finalize_request(r, rc);
}

ngx_int_t readBody(ngx_http_request_t* r, const LocConf* conf, Identity who,
                   core::Question question) {
    const ngx_table_elt_t* type = r->headers_in.content_type;
    // What is said mostly without a word more needs neither body nor type.
    const bool nothing = needsNoBody(question.operation) && type == nullptr &&
                         r->headers_in.content_length_n <= 0 && !r->headers_in.chunked;
    if (!nothing && (type == nullptr || !core::isJson(view(type->value)))) {
        return respondProblem(r, Code::UnsupportedMediaType);
    }
    if (r->headers_in.content_length_n > static_cast<off_t>(conf->maxBody)) {
        return respondProblem(r, Code::BodyTooLarge);
    }
    auto* write = makeInPool<Write>(r->pool);
    if (write == nullptr) {
        return NGX_ERROR;
    }
    write->question = std::move(question);
    write->who = std::move(who);
    existingContext(r)->write = write;
    const ngx_int_t rc = ngx_http_read_client_request_body(r, onBody);
    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return respondProblem(r, Code::BodyTooLarge);
    }
    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}

// --- All

// A process that just started, after a reload say, has Redis a moment later than its
// first requests, and the list of revocations a moment after that.
ngx_int_t waitForRedis(ngx_http_request_t* r, const LocConf* conf) {
    const uint64_t ticket = reserve(r);
    if (ticket == 0) {
        return respondProblem(r, Code::QueueFull);
    }
    process(r)->early.push_back(ticket);
    existingContext(r)->early = true;
    return park(r, ngx_min(kEarlyTime, conf->timeout));
}

ngx_int_t serveSignedIn(ngx_http_request_t* r, const LocConf* conf,
                        core::Question question) {
    Identity who;
    uint64_t expires = 0;
    const Status status = authenticate(r, conf, &who, &expires);
    if (!status.ok()) {
        return respondFailure(r, status);
    }
    if (!remember(r, who)) {
        return NGX_ERROR;
    }
    const Process* here = process(r);
    // Where the site itself is asked at each request there is nothing to know.
    const bool byToken = conf->user == nullptr;
    if (here != nullptr && (here->redis->coming() || (byToken && here->redis->up() &&
                                                      !here->revocations->ready()))) {
        return waitForRedis(r, conf);
    }
    if (here == nullptr || !here->redis->up()) {
        return respondProblem(r, Code::RedisUnavailable);
    }
    if (question.operation == Operation::Stream) {
        return openStream(r, conf, who, expires);
    }
    return hasBody(question.operation)
               ? readBody(r, conf, std::move(who), std::move(question))
               : serveRead(r, conf, std::move(who), question);
}

ngx_int_t serve(ngx_http_request_t* r) {
    RequestContext* own = context(r);
    if (own == nullptr) {
        return NGX_ERROR;
    }
    const LocConf* conf = locConf(r);
    core::Question question = questionOf(r, conf, method(r));
    switch (question.match) {
        case core::Route::Match::NoPath:
            return respondProblem(r, Code::NotFound);
        case core::Route::Match::NoMethod:
            return addHeader(r, "Allow", question.allow) == NGX_OK
                       ? respondProblem(r, Code::MethodNotAllowed)
                       : NGX_ERROR;
        case core::Route::Match::Found:
            break;
    }
    own->routed = true;
    own->operation = question.operation;
    own->unsafe = hasBody(question.operation) || question.reads;
    return question.operation == Operation::Status
               ? serveStatus(r, conf)
               : serveSignedIn(r, conf, std::move(question));
}

}  // namespace

core::Question questionOf(const ngx_http_request_t* r, const LocConf* conf,
                          core::Method method) {
    return core::questionOf(conf->profile, method, view(r->uri), conf->prefix);
}

void serveEarly(Process* process) {
    std::vector<uint64_t> tickets;
    tickets.swap(process->early);
    for (const uint64_t ticket : tickets) {
        if (ngx_http_request_t* r = process->commands->find(ticket)) {
            existingContext(r)->early = false;
            finish(r, [r] { return serve(r); });
        }
    }
}

ngx_int_t handleRequest(ngx_http_request_t* r) {
    // A subrequest's answer would stand in the middle of another's.
    if (r != r->main) {
        return NGX_HTTP_NOT_FOUND;
    }
    return guard(r->connection->log, ngx_int_t{NGX_ERROR}, [r] { return serve(r); });
}

}  // namespace messaging
