// A keep-alive HTTP/1.1 connection that carries one request at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "t/bench/loop.hpp"
#include "t/bench/socket.hpp"

namespace messaging::bench {

class Client final : public Loop::Handler {
public:
    // Status 0: the connection broke; it is made anew before this is called.
    using Answer = std::function<void(int status, std::string_view body)>;

    Client(Loop& loop, int port);
    Client(const Client&) = delete;

    // Only while not busy. The answer may send the next request.
    void request(std::string_view bytes, Answer answer);
    bool busy() const { return static_cast<bool>(answer_); }

    void ready() override;

private:
    void connect();
    void finish(int status, size_t head, size_t length);

    Loop& loop_;
    int port_;
    Socket socket_;
    Answer answer_;
};

}  // namespace messaging::bench
