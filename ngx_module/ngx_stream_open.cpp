// From a request to a stream. The request is held until Redis has told where the stream
// begins; then headers and `hello` go out through nginx's filters.
//
// Parking: over HTTP/1.x an idle stream needs no request. Once all is flushed we do to
// the connection what ngx_http_set_keepalive() does: free the request (which writes the
// access log), its header buffers and TLS's, and keep the bare connection, marked idle,
// with our own handlers. From an event of its own, never from inside a handler of the
// request. Output filters do not see what follows, and limit_conn does not count it any
// more.
#include "ngx_module/ngx_stream.hpp"

#include <algorithm>

#include "schema/keys.hpp"
#include "schema/limits.hpp"
#include "schema/model.hpp"

namespace messaging {
namespace {

// Whether nothing but the chunked filter stands between us and the socket, and nobody
// else needs the request.
bool parkable(ngx_http_request_t* r) {
    ngx_connection_t* c = r->connection;
#if (NGX_HTTP_V2)
    if (r->stream != nullptr) {
        return false;
    }
#endif
    const auto* core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));
    const bool alone = r == r->main && r->count == 1 && r->blocked == 0 &&
                       c->data == r && r->posted_requests == nullptr &&
                       r->postponed == nullptr && core->post_action.data == nullptr;
    const bool plain = r->http_version <= NGX_HTTP_VERSION_11 &&
                       r->headers_out.content_encoding == nullptr &&
                       !r->filter_need_in_memory && r->limit_rate == 0 &&
                       !c->write->delayed;
    const bool flushed = r->out == nullptr && !r->buffered && !c->buffered;
    return alone && plain && flushed && !c->error && !c->close && !c->read->eof;
}

// The header buffers: a kilobyte of the connection's, and large ones for long cookies.
void freeBuffers(ngx_connection_t* c, ngx_http_connection_t* hc) {
    if (c->buffer != nullptr && ngx_pfree(c->pool, c->buffer->start) == NGX_OK) {
        c->buffer->pos = nullptr;
    }
    for (ngx_chain_t** chain : {&hc->free, &hc->busy}) {
        while (*chain != nullptr) {
            ngx_chain_t* link = *chain;
            *chain = link->next;
            ngx_pfree(c->pool, link->buf->start);
            ngx_free_chain(c->pool, link);
        }
    }
    hc->nbusy = 0;
#if (NGX_HTTP_SSL)
    if (c->ssl != nullptr) {
        ngx_ssl_free_buffer(c);
        // What could not be sent is sent again from a buffer of ours.
        SSL_set_mode(c->ssl->connection, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
#endif
}

void setDelays(ngx_connection_t* c, ngx_http_request_t* r) {
    const auto* core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));
#if (NGX_HTTP_V2)
    if (r->stream != nullptr) {
        return;  // the connection is not ours alone
    }
#endif
    if (core->tcp_nodelay) {
        ngx_tcp_nodelay(c);
    }
}

}  // namespace

ngx_int_t openStream(ngx_http_request_t* r, const LocConf* conf, const Identity& who,
                     uint64_t expires) {
    return process(r)->streams->serve(r, conf, who, expires);
}

// Redis is up. Where it is not, or goes before `hello`, the answer is 503 with
// Retry-After, and a browser's EventSource gives up on any status but 200: its client
// has to try again.
ngx_int_t Streams::serve(ngx_http_request_t* r, const LocConf* conf,
                         const Identity& who, uint64_t expires) {
    const ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }
    if (r->discard_body) {  // it is still coming, in the middle of our stream
        return respondProblem(r, Code::BodyTooLarge);
    }
    const auto inbox = core::parseInboxKey(inboxId(who.site, who.user));
    if (!inbox) {
        return respondProblem(r, Code::Internal);
    }
    const auto team = who.team.empty()
                          ? std::nullopt
                          : core::parseInboxKey(inboxId(who.site, who.team));
    if (!admit(conf, *inbox)) {
        return respondProblem(r, Code::TooManyStreams);
    }
    bool many = false;
    std::string_view lastEventId =
        requestHeader(r, "last-event-id", &many).value_or("");
    if (many) {
        lastEventId = "?";  // nobody's position
    }
    Subscriber& stream = make(r, conf, who, expires);
    if (!hold(stream)) {
        release(stream);
        return NGX_ERROR;
    }
    if (team) {
        hub_.add(stream, *inbox, *team, lastEventId, ngx_current_msec);
    } else {
        hub_.add(stream, *inbox, lastEventId, ngx_current_msec);
    }
    afterHub();
    return NGX_DONE;
}

// Whether there is room; the user's oldest stream makes some.
bool Streams::admit(const LocConf* conf, const core::InboxKey& inbox) {
    if (conf_.maxStreams != 0 && streams_.size() >= conf_.maxStreams) {
        return false;
    }
    const core::Inbox* found = hub_.find(inbox);
    if (found == nullptr || found->streams.size() < conf->streamsPerUser) {
        return true;
    }
    auto& oldest = static_cast<Subscriber&>(*found->streams.front());
    if (oldest.phase != Subscriber::Phase::Live) {
        return false;
    }
    end(oldest, "limit");
    return true;
}

Subscriber& Streams::make(ngx_http_request_t* r, const LocConf* conf,
                          const Identity& who, uint64_t expires) {
    auto identity = std::make_unique<std::string>(identityView(who));
    Subscriber& stream = streams_.emplace_back();
    stream.self = std::prev(streams_.end());
    stream.identity = std::move(identity);
    stream.conf = conf;
    stream.owner = this;
    stream.request = r;
    stream.connection = r->connection;
    stream.user = who.user;
    if (conf->profile != nullptr && !who.team.empty()) {
        stream.team = std::make_unique<std::string>(who.team);
    }
    const RequestContext* own = existingContext(r);
    stream.session = core::sessionMark(view(own->session));
    stream.issued = own->issued;
    const ngx_msec_t now = ngx_current_msec;
    stream.opened = now;
    stream.endAt = now + core::lifetime(conf->streamMaxAge, random32());
    if (expires != 0) {
        const auto seconds = static_cast<uint64_t>(ngx_time());
        const uint64_t left = expires > seconds ? (expires - seconds) * 1000 : 0;
        stream.expires = left < stream.endAt - now;
        stream.endAt = stream.expires ? now + left : stream.endAt;
    }
    stream.beat =
        static_cast<uint32_t>(core::heartbeatTime(conf->heartbeat, random32()));
    arm(sweepTimer_, 1);
    return stream;
}

// From here on a request that goes takes its stream with it.
bool Streams::hold(Subscriber& stream) {
    ngx_http_request_t* r = stream.request;
    ngx_http_cleanup_t* cleanup = ngx_http_cleanup_add(r, 0);
    HeldOutput* held = makeInPool<HeldOutput>(r->pool);
    if (cleanup == nullptr || held == nullptr) {
        return false;
    }
    cleanup->handler = onRequestGone;
    cleanup->data = &stream;
    stream.cleanup = cleanup;
    stream.held = held;
    r->connection->log->action = const_cast<char*>("opening an event stream");
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    r->main->count++;
    return true;
}

void Streams::onRequestGone(void* data) {
    auto* stream = static_cast<Subscriber*>(data);
    guard(stream->connection->log, 0, [stream] {
        Streams* self = stream->owner;
        stream->cleanup = nullptr;
        if (stream->phase == Subscriber::Phase::Live) {
            self->leave(*stream, "closed");
        }
        self->hub_.remove(*stream);
        self->release(*stream);
        return 0;
    });
}

bool Streams::sendHead(Subscriber& stream) {
    ngx_http_request_t* r = stream.request;
    constexpr std::string_view kType = "text/event-stream";
    ngx_http_set_log_request(stream.connection->log, r);
    if (RequestContext* own = existingContext(r)) {
        own->answered = ngx_current_msec;
        own->code = "ok";
    }
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type = ngxString(kType);
    r->headers_out.content_type_len = kType.size();
    r->headers_out.content_type_lowcase = nullptr;
    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    r->disable_not_modified = 1;
    r->keepalive = 0;  // the connection ends with the stream
#if (NGX_HTTP_GZIP)
    r->gzip_tested = 1;  // and is not to be used: it would hold events back
    r->gzip_ok = 0;
#endif
    if (addHeader(r, "Cache-Control", "no-cache, no-transform") != NGX_OK ||
        addHeader(r, "X-Accel-Buffering", "no") != NGX_OK ||
        addHeader(r, "X-Content-Type-Options", "nosniff") != NGX_OK) {
        return false;
    }
    setDelays(stream.connection, r);
    stream.connection->log->action = const_cast<char*>("sending events");
    r->write_event_handler = onHeldWritable;
    // NGX_AGAIN: the head waits, behind another stream of the connection say.
    const ngx_int_t rc = ngx_http_send_header(r);
    return rc != NGX_ERROR && rc <= NGX_OK && !r->header_only;
}

// --- Parking

void Streams::parkSoon(Subscriber& stream) {
    if (!parkable(stream.request)) {
        return;  // when it is flushed it is asked again
    }
    parking_.push_back(&stream);
    if (!parkEvent_.posted) {
        ngx_post_event(&parkEvent_, &ngx_posted_events);
    }
}

void Streams::onPark(ngx_event_t* event) {
    auto* self =
        static_cast<Streams*>(static_cast<ngx_connection_t*>(event->data)->data);
    while (!self->parking_.empty()) {
        Subscriber& stream = *self->parking_.back();
        self->parking_.pop_back();
        guard(event->log, 0, [self, &stream] {
            self->park(stream);
            return 0;
        });
    }
}

void Streams::park(Subscriber& stream) {
    ngx_http_request_t* r = stream.request;
    ngx_connection_t* c = stream.connection;
    // It may stand in the list twice: flushed, blocked and flushed again.
    if (r == nullptr || stream.phase != Subscriber::Phase::Live || !parkable(r)) {
        return;
    }
    stream.cleanup->handler = nullptr;
    stream.cleanup = nullptr;
    stream.chunked = r->chunked;
    stream.request = nullptr;
    stream.held = nullptr;
    for (ngx_event_t* event : {c->read, c->write}) {
        if (event->timer_set) {
            ngx_del_timer(event);
        }
    }
    ngx_http_connection_t* hc = r->http_connection;
    ngx_http_free_request(r, 0);
    freeBuffers(c, hc);

    c->data = &stream;
    c->read->handler = onReadable;
    c->write->handler = onWritable;
    c->log->action = const_cast<char*>("sending events");
    c->idle = 1;  // on quit nginx calls our read handler
    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        cut(stream, "closed");
        return;
    }
    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}

}  // namespace messaging
