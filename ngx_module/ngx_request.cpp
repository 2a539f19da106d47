// The content handler: what a request asks for, by whom, and whether it may be asked
// like that; then the command it becomes. All rights are the worker's to decide.
//
// A handler that leaves the request waiting (park) has counted it and returns NGX_DONE;
// any other value is an answer's.
#include "ngx_module/ngx_command.hpp"

#include "ngx_module/core/origin.hpp"
#include "ngx_module/core/query.hpp"
#include "ngx_module/ngx_revocation.hpp"
#include "schema/model.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

// No Redis is 503 at once, so nobody waits long to hear it.
constexpr ngx_msec_t kEarlyTime = 1000;

// A write while its body is being read; in the request's pool.
struct Write {
    Operation operation = Operation::Send;
    Identity who;
    std::string conversation;
};

core::Method method(const ngx_http_request_t* r) {
    switch (r->method) {
        case NGX_HTTP_GET:
            return core::Method::Get;
        case NGX_HTTP_HEAD:
            return core::Method::Head;
        case NGX_HTTP_POST:
            return core::Method::Post;
        case NGX_HTTP_PATCH:
            return core::Method::Patch;
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

// --- Reads

// The operation's arguments from the query string, as canonical JSON.
Result<std::string> readArguments(Operation operation, std::string_view query) {
    auto parameters = core::parseQuery(query);
    if (!parameters.ok()) {
        return parameters.status();
    }
    if (operation == Operation::List) {
        auto list = parseList(queryBody(parameters.value()));
        return list.ok() ? Result<std::string>(encode(list.value())) : list.status();
    }
    if (operation == Operation::History) {
        auto history = parseHistory(queryBody(parameters.value()));
        return history.ok() ? Result<std::string>(encode(history.value()))
                            : history.status();
    }
    if (operation == Operation::Search) {
        auto search = parseSearch(queryBody(parameters.value()));
        return search.ok() ? Result<std::string>(encode(search.value()))
                           : search.status();
    }
    if (!parameters->empty()) {
        return {Code::UnknownField, "it has no parameters", parameters->front().first};
    }
    return std::string("{}");
}

ngx_int_t serveRead(ngx_http_request_t* r, const LocConf* conf, const Identity& who,
                    const core::Route& route) {
    auto arguments = readArguments(route.operation, view(r->args));
    if (!arguments.ok()) {
        return respondFailure(r, arguments.status());
    }
    // A body has no meaning here, and must not be taken for the next request.
    const ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }
    if (route.operation == Operation::UnreadCount) {
        return serveBadge(r, conf, who);
    }
    Command command;
    command.operation = route.operation;
    command.who = who;
    command.conversation = route.conversation;
    command.body = std::move(arguments.value());
    return ask(r, conf, &command);
}

// --- Writes, and what else has a body

bool hasBody(Operation operation) {
    return isWrite(operation) || operation == Operation::Typing;
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

// The operation's arguments from the body, as canonical JSON. Start finds its
// conversation: its id follows from them.
Status writeArguments(const Write& write, const LocConf* conf, std::string_view body,
                      Command* command) {
    ArgumentLimits bounds;
    bounds.content = conf->maxContent;
    if (write.operation == Operation::Start) {
        bounds.teams = conf->teams.get();
        auto start = parseStart(body, write.who.user, bounds, write.who.team);
        if (!start.ok()) {
            return start.status();
        }
        identify(command);  // a ticket's id follows from its key
        command->body = encode(start.value());
        command->conversation = conversationId(start.value(), write.who, command->key);
        return {};
    }
    if (write.operation == Operation::Send) {
        auto send = parseSend(body, bounds);
        if (send.ok()) {
            command->body = encode(send.value());
        }
        return send.status();
    }
    if (write.operation == Operation::Change) {
        auto change = parseChange(body);
        if (change.ok()) {
            command->body = encode(change.value());
        }
        return change.status();
    }
    if (write.operation == Operation::Typing) {
        auto typing = parseTyping(body);
        if (typing.ok()) {
            command->body = encode(typing.value());
        }
        return typing.status();
    }
    auto read = parseRead(body);
    if (read.ok()) {
        command->body = encode(read.value());
    }
    return read.status();
}

// An empty header is none.
Status clientKey(ngx_http_request_t* r, std::string* key) {
    bool many = false;
    const std::string_view value = requestHeader(r, "Idempotency-Key", &many);
    if (many || (!value.empty() && !validId(value))) {
        return {Code::InvalidField, "not one id", "Idempotency-Key"};
    }
    if (!value.empty()) {
        *key = "c:" + std::string(value);
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
    command.operation = write.operation;
    command.who = write.who;
    command.conversation = write.conversation;
    Status status = clientKey(r, &command.key);
    if (status.ok()) {
        status = writeArguments(write, conf, body.value(), &command);
    }
    return status.ok() ? askWithinRate(r, conf, &command) : respondFailure(r, status);
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
                   const core::Route& route) {
    const ngx_table_elt_t* type = r->headers_in.content_type;
    // What is said often, and mostly without a word more, needs neither body nor type.
    const bool nothing = route.operation == Operation::Typing && type == nullptr &&
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
    write->operation = route.operation;
    write->who = std::move(who);
    write->conversation = route.conversation;
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
                        const core::Route& route) {
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
    if (route.operation == Operation::Stream) {
        return openStream(r, conf, who, expires);
    }
    return hasBody(route.operation) ? readBody(r, conf, std::move(who), route)
                                    : serveRead(r, conf, who, route);
}

ngx_int_t serve(ngx_http_request_t* r) {
    RequestContext* own = context(r);
    if (own == nullptr) {
        return NGX_ERROR;
    }
    const LocConf* conf = locConf(r);
    const core::Route route = core::route(method(r), pathOf(r, conf));
    switch (route.match) {
        case core::Route::Match::NoPath:
            return respondProblem(r, Code::NotFound);
        case core::Route::Match::NoMethod:
            return addHeader(r, "Allow", route.allow) == NGX_OK
                       ? respondProblem(r, Code::MethodNotAllowed)
                       : NGX_ERROR;
        case core::Route::Match::Found:
            break;
    }
    own->routed = true;
    own->operation = route.operation;
    return route.operation == Operation::Status ? serveStatus(r, conf)
                                                : serveSignedIn(r, conf, route);
}

}  // namespace

std::string_view pathOf(const ngx_http_request_t* r, const LocConf* conf) {
    std::string_view path = view(r->uri);
    if (path.substr(0, conf->prefix.size()) != conf->prefix) {
        return {};
    }
    path.remove_prefix(conf->prefix.size());
    return path;
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
