// hiredis behind redis.hpp. A call that Redis leaves without an answer for kTimeout
// fails, so that a stalled Redis cannot hold a thread for longer.
#include "worker/redis.hpp"

#include <hiredis/hiredis.h>
#include <sys/time.h>

#include <cerrno>
#include <fstream>
#include <string>

namespace messaging::worker {

namespace {

constexpr timeval kConnectTimeout{1, 0};
// Longer than any BLOCK that is asked for, shorter than a caller's patience.
constexpr timeval kTimeout{3, 0};

Result<std::string> readPassword(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    if (!file || !std::getline(file, line)) {
        return Status(Code::RedisUnavailable, "cannot read the password file " + path);
    }
    if (!line.empty() && line.back() == '\r') {
        line.pop_back();
    }
    return line;
}

}  // namespace

void FreeReply::operator()(redisReply* reply) const {
    freeReplyObject(reply);
}

void FreeContext::operator()(redisContext* context) const {
    redisFree(context);
}

bool Node::isNil() const {
    return reply_ == nullptr || reply_->type == REDIS_REPLY_NIL;
}

bool Node::isError() const {
    return reply_ != nullptr && reply_->type == REDIS_REPLY_ERROR;
}

bool Node::isError(std::string_view word) const {
    return isError() && text().substr(0, word.size()) == word;
}

std::string_view Node::text() const {
    if (reply_ == nullptr || reply_->str == nullptr) {
        return {};
    }
    switch (reply_->type) {
        case REDIS_REPLY_STRING:
        case REDIS_REPLY_STATUS:
        case REDIS_REPLY_ERROR:
            return {reply_->str, reply_->len};
        default:
            return {};
    }
}

long long Node::integer() const {
    return reply_ != nullptr && reply_->type == REDIS_REPLY_INTEGER ? reply_->integer
                                                                    : 0;
}

size_t Node::size() const {
    return reply_ != nullptr && reply_->type == REDIS_REPLY_ARRAY ? reply_->elements
                                                                  : 0;
}

Node Node::operator[](size_t index) const {
    return Node(index < size() ? reply_->element[index] : nullptr);
}

Redis::Redis(RedisOptions options) : options_(std::move(options)) {}

Redis::~Redis() = default;

Status Redis::connect() {
    close();
    context_.reset(
        options_.path.empty()
            ? redisConnectWithTimeout(options_.host.c_str(), options_.port,
                                      kConnectTimeout)
            : redisConnectUnixWithTimeout(options_.path.c_str(), kConnectTimeout));
    if (!context_) {
        return Status(Code::RedisUnavailable, "no memory for a connection");
    }
    if (context_->err != 0) {
        return fail("connect");
    }
    if (redisSetTimeout(context_.get(), kTimeout) != REDIS_OK) {
        return fail("set a timeout");
    }
    if (options_.path.empty()) {
        redisEnableKeepAlive(context_.get());
    }
    Status signedIn = signIn();
    if (!signedIn.ok()) {
        close();
    }
    return signedIn;
}

Status Redis::signIn() {
    if (!options_.passwordFile.empty()) {
        auto password = readPassword(options_.passwordFile);
        if (!password.ok()) {
            return password.status();
        }
        Arguments auth{"AUTH"};
        if (!options_.user.empty()) {
            auth.push_back(options_.user);
        }
        auth.push_back(password.value());
        append(auth);
    }
    append({"SELECT", std::to_string(options_.database)});
    auto answers = flush();
    if (!answers.ok()) {
        return answers.status();
    }
    for (const Answer& answer : answers.value()) {
        if (answer.isError()) {
            return Status(Code::RedisUnavailable, std::string(answer.text()));
        }
    }
    return {};
}

void Redis::close() {
    context_.reset();
    waiting_ = 0;
}

void Redis::append(const Arguments& arguments) {
    if (!context_) {
        return;
    }
    std::vector<const char*> texts;
    std::vector<size_t> lengths;
    texts.reserve(arguments.size());
    lengths.reserve(arguments.size());
    for (std::string_view argument : arguments) {
        // hiredis copies from it even where the length is 0.
        texts.push_back(argument.data() != nullptr ? argument.data() : "");
        lengths.push_back(argument.size());
    }
    if (redisAppendCommandArgv(context_.get(), static_cast<int>(texts.size()),
                               texts.data(), lengths.data()) == REDIS_OK) {
        ++waiting_;
    } else {
        close();
    }
}

void Redis::append(std::initializer_list<std::string_view> arguments) {
    append(Arguments(arguments));
}

Status Redis::send() {
    if (!context_) {
        return Status(Code::RedisUnavailable, "not connected");
    }
    for (int done = 0; done == 0;) {
        if (redisBufferWrite(context_.get(), &done) != REDIS_OK) {
            return fail("write");
        }
    }
    return {};
}

Result<Answers> Redis::flush() {
    Answers answers;
    answers.reserve(waiting_);
    if (!context_) {
        return Status(Code::RedisUnavailable, "not connected");
    }
    for (; waiting_ > 0; --waiting_) {
        void* reply = nullptr;
        if (redisGetReply(context_.get(), &reply) != REDIS_OK || reply == nullptr) {
            return fail("read");
        }
        answers.emplace_back(static_cast<redisReply*>(reply));
    }
    return answers;
}

Result<Answer> Redis::call(const Arguments& arguments) {
    append(arguments);
    auto answers = flush();
    if (!answers.ok()) {
        return answers.status();
    }
    return std::move(answers->back());
}

Status Redis::fail(const std::string& what) {
    const bool late = context_->err == REDIS_ERR_IO && errno == EAGAIN;
    std::string detail = "cannot " + what + ": ";
    detail += late ? "no answer in time" : context_->errstr;
    close();
    return Status(Code::RedisUnavailable, std::move(detail));
}

}  // namespace messaging::worker
