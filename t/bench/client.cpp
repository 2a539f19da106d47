// Reads only what the measured servers answer: a head, and a body of Content-Length.
#include "t/bench/client.hpp"

#include <cstdlib>
#include <utility>

namespace messaging::bench {
namespace {

// Bytes of the body that a head announces; the servers measured here always say.
size_t contentLength(std::string_view head) {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const size_t at = head.find(kName);
    if (at == std::string_view::npos) {
        if (head.find(" 204 ") < 16 || head.find(" 304 ") < 16) {
            return 0;
        }
        die("an answer without Content-Length:\n%.*s", static_cast<int>(head.size()),
            head.data());
    }
    return strtoul(head.data() + at + kName.size(), nullptr, 10);
}

}  // namespace

Client::Client(Loop& loop, int port) : loop_(loop), port_(port) {
    connect();
}

void Client::connect() {
    socket_.connect(port_);
    loop_.watch(socket_.fd(), this);
}

void Client::request(std::string_view bytes, Answer answer) {
    answer_ = std::move(answer);
    // A connection that broke is seen by ready().
    socket_.write(bytes);
}

void Client::ready() {
    if (!socket_.read()) {
        connect();
        finish(0, 0, 0);
        return;
    }
    const std::string& in = socket_.in();
    constexpr size_t kStatus = sizeof("HTTP/1.1 ") - 1;
    const size_t end = in.find("\r\n\r\n");
    if (end == std::string::npos) {
        return;
    }
    const size_t head = end + 4;
    const size_t length = contentLength(std::string_view(in).substr(0, end + 2));
    if (in.size() < head + length) {
        return;
    }
    finish(atoi(in.c_str() + kStatus), head, length);
}

void Client::finish(int status, size_t head, size_t length) {
    if (!answer_) {
        return;  // an idle connection was closed: nobody waits
    }
    const Answer answer = std::exchange(answer_, nullptr);
    const std::string body = socket_.in().substr(head, length);
    socket_.in().clear();
    answer(status, body);
}

}  // namespace messaging::bench
