// A reader of one event stream over HTTP/1.1, chunked or not.
#pragma once

#include <string>
#include <string_view>

#include "t/bench/loop.hpp"
#include "t/bench/socket.hpp"

namespace messaging::bench {

class Stream final : public Loop::Handler {
public:
    class Listener {
    public:
        // A frame without the empty line that ends it, comments too; `at` is when its
        // last byte was read.
        virtual void frame(int user, std::string_view frame, int64_t at) = 0;
        virtual void ended(int user, std::string_view why) = 0;

    protected:
        ~Listener() = default;
    };

    Stream(Loop& loop, int port, int user, std::string_view request,
           Listener* listener);
    Stream(const Stream&) = delete;

    void ready() override;

private:
    void end(std::string_view why);
    bool head();
    void unchunk();
    void frames(int64_t at);

    Socket socket_;
    Listener* listener_;
    int user_;
    bool begun_ = false;  // the head was read
    bool chunked_ = false;
    size_t left_ = 0;   // of the chunk that is being read, with its line end
    std::string body_;  // the beginning of a frame that is not whole yet
};

}  // namespace messaging::bench
