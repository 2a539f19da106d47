// A connection of HTTP/2 (RFC 9113) that holds one stream open: just enough for that,
// so that ten thousand of them cost the generator little.
#pragma once

#include <string>
#include <string_view>

#include "t/bench/loop.hpp"
#include "t/bench/socket.hpp"

namespace messaging::bench {

class Http2Stream final : public Loop::Handler {
public:
    class Listener {
    public:
        virtual void body(std::string_view bytes) = 0;  // of a DATA frame
        virtual void ended(std::string_view why) = 0;

    protected:
        ~Listener() = default;
    };

    // The request goes with prior knowledge; `token` may be empty.
    Http2Stream(Loop& loop, int port, std::string_view path, std::string_view token,
                Listener* listener);
    Http2Stream(const Http2Stream&) = delete;

    void ready() override;

private:
    void frame(unsigned char type, unsigned char flags, std::string_view payload);

    Socket socket_;
    Listener* listener_;
};

}  // namespace messaging::bench
