// Keeps only what belongs to a frame that is not whole yet: thousands of these are
// open.
#include "t/bench/stream.hpp"

#include <algorithm>
#include <cstdlib>

namespace messaging::bench {

Stream::Stream(Loop& loop, int port, int user, std::string_view request,
               Listener* listener)
    : listener_(listener), user_(user) {
    socket_.connect(port);
    loop.watch(socket_.fd(), this);
    if (!socket_.write(request)) {
        die("a stream was closed before its request");
    }
}

void Stream::end(std::string_view why) {
    listener_->ended(user_, why);
    socket_.close();
}

void Stream::ready() {
    if (!socket_.read()) {
        end("closed");
        return;
    }
    const int64_t at = now();
    if (!begun_ && !head()) {
        return;
    }
    if (chunked_) {
        unchunk();
    } else {
        body_ += socket_.in();
        socket_.in().clear();
    }
    frames(at);
}

bool Stream::head() {
    std::string& in = socket_.in();
    const size_t length = in.find("\r\n\r\n");
    if (length == std::string::npos) {
        return false;
    }
    if (in.compare(0, 13, "HTTP/1.1 200 ") != 0) {
        end(in);
        return false;
    }
    chunked_ = in.find("\r\nTransfer-Encoding: chunked\r\n") < length;
    in.erase(0, length + 4);
    begun_ = true;
    return true;
}

void Stream::unchunk() {
    std::string& in = socket_.in();
    size_t at = 0;
    while (at < in.size()) {
        if (left_ == 0) {
            const size_t line = in.find("\r\n", at);
            if (line == std::string::npos) {
                break;
            }
            left_ = strtoul(in.c_str() + at, nullptr, 16) + 2;
            at = line + 2;
        }
        const size_t here = std::min(left_, in.size() - at);
        const size_t text = left_ - std::min<size_t>(left_, 2);
        body_.append(in, at, std::min(here, text));
        left_ -= here;
        at += here;
    }
    in.erase(0, at);
}

void Stream::frames(int64_t at) {
    size_t start = 0;
    while (true) {
        const size_t end = body_.find("\n\n", start);
        if (end == std::string::npos) {
            break;
        }
        listener_->frame(user_, std::string_view(body_).substr(start, end - start), at);
        start = end + 2;
    }
    body_.erase(0, start);
}

}  // namespace messaging::bench
