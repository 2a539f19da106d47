// hiredis below, nginx's events above. Events are level-triggered: a reading stops
// after a bounded number of bytes, so that one long answer does not hold up everybody's
// requests, and an edge would not tell of the rest.
#include "ngx_module/ngx_redis_connection.hpp"

#include <hiredis/hiredis.h>

#include <cstring>

#include "ngx_module/ngx_messaging.hpp"
#include "schema/limits.hpp"

namespace messaging {
namespace {

// Bytes of one reading, and readings of one turn of the event loop.
constexpr size_t kReadSize = 32 * 1024;
constexpr int kReadsPerTurn = 32;

// What the reading buffer may keep when it is empty; hiredis's own 16 KiB would have it
// freed and allocated again at each reading.
constexpr size_t kKeptBuffer = 1024 * 1024;

// Unsent bytes. 16 MiB are 100 full-sized commands, and 30,000 subscriptions.
constexpr size_t kMaxUnsent = 16 * 1024 * 1024;

// Bytes of one answer: twice the longest honest one, so that what is merely too long
// can be told from what never ends.
constexpr size_t kMaxAnswer = 2 * limits::kMaxReply;

struct FreeReply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using OwnedReply = std::unique_ptr<redisReply, FreeReply>;

// A view of a reply. hiredis bounds the depth.
RedisAnswer answerOf(const redisReply& reply) {
    RedisAnswer answer;
    switch (reply.type) {
        case REDIS_REPLY_STRING:
        case REDIS_REPLY_STATUS:
            answer.kind = RedisAnswer::Kind::Text;
            answer.text = std::string_view(reply.str, reply.len);
            break;
        case REDIS_REPLY_ERROR:
            answer.kind = RedisAnswer::Kind::Error;
            answer.text = std::string_view(reply.str, reply.len);
            break;
        case REDIS_REPLY_INTEGER:
            answer.kind = RedisAnswer::Kind::Integer;
            answer.integer = reply.integer;
            break;
        case REDIS_REPLY_ARRAY:
            answer.kind = RedisAnswer::Kind::Array;
            answer.items.reserve(reply.elements);
            for (size_t i = 0; i < reply.elements; ++i) {
                answer.items.push_back(answerOf(*reply.element[i]));
            }
            break;
        default:
            break;
    }
    return answer;
}

redisContext* beginConnect(const RedisConf& conf) {
    if (!conf.path.empty()) {
        return redisConnectUnixNonBlock(conf.path.c_str());
    }
    return redisConnectNonBlock(conf.host.c_str(), conf.port);
}

}  // namespace

void RedisConnection::FreeContext::operator()(redisContext* context) const {
    redisFree(context);
}

RedisConnection::RedisConnection(Owner& owner, ngx_log_t* log)
    : owner_(owner), log_(log) {}

bool RedisConnection::open(const RedisConf& conf, std::string* reason) {
    close();
    if (conf.path.size() >= sizeof(sockaddr_un::sun_path)) {
        *reason = "the path of its socket is too long";  // hiredis would cut it
        return false;
    }
    context_.reset(beginConnect(conf));
    if (!context_ || context_->err != 0) {
        *reason = context_ ? context_->errstr : "out of memory";
        context_.reset();
        return false;
    }
    connection_ = ngx_get_connection(context_->fd, log_);
    if (connection_ == nullptr) {
        *reason = "no free nginx connection";
        context_.reset();
        return false;
    }
    connection_->data = this;
    connection_->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    connection_->read->log = log_;
    connection_->read->handler = onEvent;
    connection_->write->log = log_;
    connection_->write->handler = onEvent;
    context_->reader->maxbuf = kKeptBuffer;
    begun_ = 0;
    if (!conf.path.empty() || redisEnableKeepAlive(context_.get()) == REDIS_OK) {
        if (ngx_add_event(connection_->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT) ==
            NGX_OK) {
            return true;
        }
    }
    *reason = "cannot watch the socket";
    close();
    return false;
}

void RedisConnection::close() {
    connected_ = false;
    if (connection_ != nullptr) {
        // nginx closes the socket, and with it every event that knows of it.
        redisFreeKeepFd(context_.release());
        ngx_close_connection(connection_);
        connection_ = nullptr;
    }
    context_.reset();
}

bool RedisConnection::send(const std::vector<std::string_view>& arguments) {
    if (!connected_) {
        return false;
    }
    size_t bytes = sdslen(context_->obuf);
    texts_.clear();
    lengths_.clear();
    for (const std::string_view argument : arguments) {
        texts_.push_back(argument.empty() ? "" : argument.data());
        lengths_.push_back(argument.size());
        bytes += argument.size();
    }
    if (bytes > kMaxUnsent) {
        return false;
    }
    const int failed =
        redisAppendCommandArgv(context_.get(), static_cast<int>(arguments.size()),
                               texts_.data(), lengths_.data());
    // Posted, not written: whatever else this turn queues goes with it. A failure is
    // found there as well, where nobody's call is in progress.
    if (!connection_->write->posted) {
        ngx_post_event(connection_->write, &ngx_posted_events);
    }
    return failed == REDIS_OK;
}

void RedisConnection::onEvent(ngx_event_t* event) {
    auto* connection = static_cast<ngx_connection_t*>(event->data);
    auto* self = static_cast<RedisConnection*>(connection->data);
    ngx_log_t* log = self->log_;
    const bool write = event->write;
    const bool done = guard(log, false, [self, write] {
        if (write) {
            self->handleWrite();
        } else {
            self->handleRead();
        }
        return true;
    });
    if (!done) {
        guard(log, false, [self] {
            self->owner_.broken(*self, "an exception on the way");
            return true;
        });
    }
}

void RedisConnection::handleRead() {
    if (connection_->close) {
        owner_.broken(*this, "nginx shuts down");  // worker_shutdown_timeout is over
        return;
    }
    char bytes[kReadSize];
    for (int i = 0; i < kReadsPerTurn && connected_; ++i) {
        const ssize_t read = recv(connection_->fd, bytes, sizeof bytes, 0);
        if (read < 0) {
            const int error = errno;
            if (error != EAGAIN && error != EINTR) {
                owner_.broken(*this, std::strerror(error));
            }
            return;
        }
        if (read == 0) {
            owner_.broken(*this, "Redis closed the connection");
            return;
        }
        begun_ += static_cast<size_t>(read);
        redisReaderFeed(context_->reader, bytes, static_cast<size_t>(read));
        if (!deliver() || static_cast<size_t>(read) < sizeof bytes) {
            return;
        }
    }
}

// All answers that are complete. False: the connection is closed.
bool RedisConnection::deliver() {
    while (connected_) {
        void* next = nullptr;
        if (redisReaderGetReply(context_->reader, &next) != REDIS_OK) {
            owner_.broken(*this, context_->reader->errstr);
            return false;
        }
        if (next == nullptr) {
            break;
        }
        const OwnedReply reply(static_cast<redisReply*>(next));
        begun_ = context_->reader->len - context_->reader->pos;
        owner_.answered(*this, answerOf(*reply));
    }
    if (connected_ && begun_ > kMaxAnswer) {
        owner_.broken(*this, "an answer without end");
    }
    return connected_;
}

void RedisConnection::handleWrite() {
    if (!connected_) {
        finishConnect();
        return;
    }
    if (!flush()) {
        owner_.broken(*this, context_->errstr);
    }
}

void RedisConnection::finishConnect() {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(connection_->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
        error = errno;
    }
    if (error == EINPROGRESS) {
        return;
    }
    if (error != 0) {
        owner_.broken(*this, std::strerror(error));
        return;
    }
    if (ngx_add_event(connection_->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK ||
        ngx_del_event(connection_->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
        owner_.broken(*this, "cannot watch the socket");
        return;
    }
    connected_ = true;
    owner_.connected(*this);
}

// One write. The event is armed only while the socket takes no more.
bool RedisConnection::flush() {
    int done = 0;
    if (redisBufferWrite(context_.get(), &done) != REDIS_OK) {
        return false;
    }
    ngx_event_t* write = connection_->write;
    if (done == 0 && !write->active) {
        return ngx_add_event(write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT) == NGX_OK;
    }
    if (done != 0 && write->active) {
        return ngx_del_event(write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT) == NGX_OK;
    }
    return true;
}

}  // namespace messaging
