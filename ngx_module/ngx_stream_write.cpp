// The last step: bytes to a request or to a connection. What the socket does not take
// waits. While it does, no more than messaging_stream_buffer may be added: a page of a
// log, which is added to nothing only, is no reason to cut a client that reads. Nothing
// is ever sent in part of a frame and then dropped.
#include "ngx_module/ngx_stream.hpp"

namespace messaging {
namespace {

constexpr const char* kClosed = "closed";
constexpr const char* kSlow = "slow";

// A client has nothing to say on a stream; what little it says is read and ignored.
constexpr size_t kMostJunk = 8 * 1024;
constexpr size_t kReadSize = 4096;

// The stream of a request, found where the request keeps it.
Subscriber* streamOf(ngx_http_request_t* r, ngx_http_cleanup_pt handler) {
    for (ngx_http_cleanup_t* cleanup = r->cleanup; cleanup; cleanup = cleanup->next) {
        if (cleanup->handler == handler) {
            return static_cast<Subscriber*>(cleanup->data);
        }
    }
    return nullptr;
}

Subscriber& streamOf(ngx_event_t* event) {
    return *static_cast<Subscriber*>(static_cast<ngx_connection_t*>(event->data)->data);
}

// What filters find in our buffers, to tell them from theirs.
const ngx_buf_tag_t kTag = &ngx_http_messaging_module;

// Takes back what has left, and frees its text.
void recycle(ngx_pool_t* pool, HeldOutput& held, ngx_chain_t* out) {
    ngx_chain_update_chains(pool, &held.free, &held.busy, &out, kTag);
    size_t count = 0;
    size_t bytes = 0;
    for (const ngx_chain_t* link = held.busy; link != nullptr; link = link->next) {
        bytes += static_cast<size_t>(ngx_buf_size(link->buf));
        ++count;
    }
    while (held.texts.size() > count) {
        held.texts.pop_front();
    }
    held.backlog.leave(held.backlog.waiting - bytes);
}

}  // namespace

const char* Streams::write(Subscriber& stream) {
    if (block_.empty()) {
        return nullptr;
    }
    stream.written = ngx_current_msec;
    if (stream.request != nullptr) {
        return writeHeld(stream, block_.plain(), false);
    }
    return writeParked(stream, stream.chunked ? block_.chunk() : block_.plain());
}

const char* Streams::writeLast(Subscriber& stream) {
    if (stream.request != nullptr) {
        return writeHeld(stream, block_.plain(), true);
    }
    if (!stream.chunked) {
        return writeParked(stream, block_.plain());
    }
    return writeParked(stream, std::string(block_.chunk()).append(core::kLastChunk));
}

// Whether what waits is still bearable.
const char* Streams::judge(Subscriber& stream, const Backlog& backlog, bool progress) {
    if (backlog.waiting == 0) {
        stream.blockedAt = 0;
        return nullptr;
    }
    if (backlog.waiting - backlog.excused > stream.conf->streamBuffer &&
        stream.phase == Subscriber::Phase::Live) {
        return kSlow;
    }
    if (stream.blockedAt == 0 || progress) {
        stream.blockedAt = ngx_current_msec;
    }
    return nullptr;
}

bool Streams::flushed(const Subscriber& stream) {
    const ngx_http_request_t* r = stream.request;
    if (r == nullptr) {
        return stream.parked == nullptr;
    }
    return r->out == nullptr && !r->buffered && !r->connection->buffered;
}

bool Streams::busy(const core::Stream& base) {
    const auto& stream = static_cast<const Subscriber&>(base);
    return stream.code != nullptr || !flushed(stream);
}

// All that was written has left.
void Streams::taken(Subscriber& stream) {
    hub_.taken(stream);
    afterHub();
}

// --- Held

const char* Streams::writeHeld(Subscriber& stream, std::string_view bytes, bool last) {
    HeldOutput& held = *stream.held;
    ngx_chain_t* out = ngx_chain_get_free_buf(stream.request->pool, &held.free);
    if (out == nullptr) {
        return kClosed;
    }
    const std::string& text = held.texts.emplace_back(bytes);
    ngx_buf_t& buffer = *out->buf;
    buffer.start = ngxString(text).data;
    buffer.end = buffer.start + text.size();
    buffer.pos = buffer.start;
    buffer.last = buffer.end;
    buffer.tag = kTag;
    buffer.memory = 1;
    buffer.flush = 1;
    buffer.last_buf = last;
    buffer.last_in_chain = 1;
    held.backlog.add(bytes.size());
    stream.bytes += bytes.size();
    return flushHeld(stream, out);
}

const char* Streams::flushHeld(Subscriber& stream, ngx_chain_t* out) {
    ngx_http_request_t* r = stream.request;
    const off_t sent = stream.connection->sent;
    ngx_http_set_log_request(stream.connection->log, r);
    const ngx_int_t rc = ngx_http_output_filter(r, out);
    recycle(r->pool, *stream.held, out);
    if (rc == NGX_ERROR) {
        return kClosed;
    }
    if (!flushed(stream) &&
        ngx_handle_write_event(stream.connection->write, 0) != NGX_OK) {
        return kClosed;
    }
    return judge(stream, stream.held->backlog, stream.connection->sent != sent);
}

void Streams::onHeldWritable(ngx_http_request_t* r) {
    Subscriber* stream = streamOf(r, onRequestGone);
    if (stream == nullptr) {
        return;
    }
    Streams* self = stream->owner;
    guard(r->connection->log, 0, [self, stream] {
        if (flushed(*stream)) {
            return 0;
        }
        if (const char* code = self->flushHeld(*stream, nullptr)) {
            self->cut(*stream, code);
        } else if (flushed(*stream) && stream->phase == Subscriber::Phase::Ending) {
            self->finish(*stream, NGX_OK);
        } else if (flushed(*stream)) {
            self->parkSoon(*stream);
            self->taken(*stream);
        }
        return 0;
    });
}

// --- Parked

const char* Streams::writeParked(Subscriber& stream, std::string_view bytes) {
    ngx_connection_t* c = stream.connection;
    stream.bytes += bytes.size();
    if (stream.parked == nullptr) {
        while (!bytes.empty()) {
            const ssize_t sent = c->send(c, ngxString(bytes).data, bytes.size());
            if (sent == NGX_ERROR) {
                return kClosed;
            }
            if (sent <= 0) {
                break;
            }
            bytes.remove_prefix(static_cast<size_t>(sent));
        }
        if (bytes.empty()) {
            return nullptr;
        }
        stream.parked = std::make_unique<ParkedOutput>();
    }
    ParkedOutput& output = *stream.parked;
    output.backlog.add(bytes.size());
    if (const char* code = judge(stream, output.backlog, false)) {
        return code;
    }
    output.bytes.erase(0, output.sent);
    output.sent = 0;
    output.bytes += bytes;
    return ngx_handle_write_event(c->write, 0) == NGX_OK ? nullptr : kClosed;
}

const char* Streams::flushParked(Subscriber& stream) {
    ngx_connection_t* c = stream.connection;
    ParkedOutput& output = *stream.parked;
    const size_t before = output.sent;
    while (output.sent < output.bytes.size()) {
        const std::string_view rest =
            std::string_view(output.bytes).substr(output.sent);
        const ssize_t sent = c->send(c, ngxString(rest).data, rest.size());
        if (sent == NGX_ERROR) {
            return kClosed;
        }
        if (sent <= 0) {
            break;
        }
        output.sent += static_cast<size_t>(sent);
    }
    const bool progress = output.sent != before;
    output.backlog.leave(output.sent - before);
    const Backlog backlog = output.backlog;
    if (backlog.waiting == 0) {
        stream.parked.reset();
    } else if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        return kClosed;
    }
    return judge(stream, backlog, progress);
}

void Streams::onWritable(ngx_event_t* event) {
    Subscriber& stream = streamOf(event);
    guard(event->log, 0, [&stream] {
        stream.owner->writable(stream);
        return 0;
    });
}

void Streams::writable(Subscriber& stream) {
    if (stream.parked == nullptr) {
        return;
    }
    if (const char* code = flushParked(stream)) {
        cut(stream, code);
    } else if (stream.parked == nullptr && stream.phase == Subscriber::Phase::Ending) {
        finish(stream, NGX_OK);
    } else if (stream.parked == nullptr) {
        taken(stream);
    }
}

// Called by nginx when something can be read, when it quits (`close`), and when
// worker_shutdown_timeout is over (`close` and `error`).
void Streams::onReadable(ngx_event_t* event) {
    Subscriber& stream = streamOf(event);
    guard(event->log, 0, [&stream] {
        stream.owner->readable(stream);
        return 0;
    });
}

void Streams::readable(Subscriber& stream) {
    ngx_connection_t* c = stream.connection;
    if (c->close && c->error) {
        cut(stream, "reload");
        return;
    }
    u_char bytes[kReadSize];
    for (;;) {
        const ssize_t size = c->recv(c, bytes, sizeof bytes);
        if (size == NGX_AGAIN) {
            break;
        }
        stream.junk += size > 0 ? static_cast<uint32_t>(size) : 0;
        if (size <= 0 || stream.junk > kMostJunk) {
            cut(stream, kClosed);
            return;
        }
    }
    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        cut(stream, kClosed);
    }
}

}  // namespace messaging
