// One blocking connection to Redis, and the only place that sees hiredis. Commands are
// appended and sent together (a pipeline); answers come back in their order. After any
// failure of the connection it is closed: what was under way is unknown, and connect()
// starts afresh. An instance belongs to one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema/status.hpp"

struct redisContext;
struct redisReply;

namespace messaging::worker {

struct RedisOptions {
    std::string host = "127.0.0.1";
    int port = 6379;
    std::string path;  // of a unix socket; then host and port say nothing
    std::string user;
    std::string passwordFile;  // read at every connect: a password may change
    unsigned database = 0;
};

// A part of an answer: a view, valid as long as the answer it came from. Reading it as
// something that it is not gives nothing (nil, "", 0), never an error of its own.
class Node {
public:
    explicit Node(const redisReply* reply = nullptr) : reply_(reply) {}

    bool isNil() const;
    bool isError() const;
    // Whether it is an error with this first word ("NOGROUP", "OOM", …).
    bool isError(std::string_view word) const;
    std::string_view text() const;  // of a string, a status or an error
    long long integer() const;      // of an integer
    size_t size() const;            // of an array
    Node operator[](size_t index) const;

private:
    const redisReply* reply_;
};

struct FreeReply {
    void operator()(redisReply* reply) const;
};

struct FreeContext {
    void operator()(redisContext* context) const;
};

// A whole answer, which owns its parts.
class Answer : public Node {
public:
    explicit Answer(redisReply* reply) : Node(reply), owner_(reply) {}

private:
    std::unique_ptr<redisReply, FreeReply> owner_;
};

using Answers = std::vector<Answer>;
using Arguments = std::vector<std::string_view>;

class Redis {
public:
    explicit Redis(RedisOptions options);
    ~Redis();

    // RedisUnavailable where trying again may help: absent, loading, refused password.
    Status connect();
    void close();
    bool connected() const { return context_ != nullptr; }

    // Takes a copy of the arguments. Without a connection, nothing happens.
    void append(const Arguments& arguments);
    void append(std::initializer_list<std::string_view> arguments);

    // Sends what was appended, and leaves its answers to flush().
    Status send();

    // Sends what was appended and gives the answers to all that was sent. An answer may
    // be an error; a failure means that the connection is gone.
    Result<Answers> flush();

    // One command, one answer.
    Result<Answer> call(const Arguments& arguments);

private:
    Status signIn();
    Status fail(const std::string& what);

    RedisOptions options_;
    std::unique_ptr<redisContext, FreeContext> context_;
    size_t waiting_ = 0;  // answers to come
};

}  // namespace messaging::worker
