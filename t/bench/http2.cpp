// Headers are sent without Huffman coding or dynamic table (RFC 7541, 6.2.2), and those
// of the answer are not read: the body tells whether the stream stands.
#include "t/bench/http2.hpp"

namespace messaging::bench {
namespace {

enum Type : unsigned char {
    kData = 0,
    kHeaders = 1,
    kReset = 3,
    kSettings = 4,
    kPing = 6,
    kGoAway = 7,
};
constexpr unsigned char kAck = 1;           // of SETTINGS and PING
constexpr unsigned char kWholeHeaders = 5;  // END_STREAM and END_HEADERS
constexpr size_t kFrameHead = 9;

std::string makeFrame(unsigned char type, unsigned char flags, unsigned char stream,
                      std::string_view payload) {
    std::string frame;
    frame += static_cast<char>(payload.size() >> 16);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size());
    frame += static_cast<char>(type);
    frame += static_cast<char>(flags);
    frame.append(3, '\0');
    frame += static_cast<char>(stream);
    frame += payload;
    return frame;
}

// An integer in the low bits of its first byte (RFC 7541, 5.1), seven of them.
void appendLength(std::string& out, size_t length) {
    if (length < 127) {
        out += static_cast<char>(length);
        return;
    }
    out += static_cast<char>(127);
    for (length -= 127; length >= 128; length /= 128) {
        out += static_cast<char>(length % 128 + 128);
    }
    out += static_cast<char>(length);
}

void appendHeader(std::string& out, std::string_view name, std::string_view value) {
    out += '\0';  // literal, not indexed, new name
    appendLength(out, name.size());
    out += name;
    appendLength(out, value.size());
    out += value;
}

}  // namespace

Http2Stream::Http2Stream(Loop& loop, int port, std::string_view path,
                         std::string_view token, Listener* listener)
    : listener_(listener) {
    std::string headers;
    appendHeader(headers, ":method", "GET");
    appendHeader(headers, ":scheme", "http");
    appendHeader(headers, ":path", path);
    appendHeader(headers, ":authority", "localhost");
    appendHeader(headers, "accept", "text/event-stream");
    if (!token.empty()) {
        appendHeader(headers, "authorization", "Bearer " + std::string(token));
    }
    socket_.connect(port);
    loop.watch(socket_.fd(), this);
    if (!socket_.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
                       makeFrame(kSettings, 0, 0, {}) +
                       makeFrame(kHeaders, kWholeHeaders, 1, headers))) {
        die("a connection was closed before its request");
    }
}

void Http2Stream::ready() {
    if (!socket_.read()) {
        listener_->ended("closed");
        socket_.close();
        return;
    }
    std::string& in = socket_.in();
    size_t at = 0;
    while (in.size() - at >= kFrameHead) {
        const auto byte = [&](size_t i) {
            return static_cast<unsigned char>(in[at + i]);
        };
        const size_t length =
            static_cast<size_t>(byte(0)) << 16 | byte(1) << 8 | byte(2);
        if (in.size() - at < kFrameHead + length) {
            break;
        }
        frame(byte(3), byte(4), std::string_view(in).substr(at + kFrameHead, length));
        at += kFrameHead + length;
    }
    in.erase(0, at);
}

void Http2Stream::frame(unsigned char type, unsigned char flags,
                        std::string_view payload) {
    if (type == kData) {
        listener_->body(payload);
    } else if (type == kSettings && (flags & kAck) == 0) {
        socket_.write(makeFrame(kSettings, kAck, 0, {}));
    } else if (type == kPing && (flags & kAck) == 0) {
        socket_.write(makeFrame(kPing, kAck, 0, payload));
    } else if (type == kReset || type == kGoAway) {
        listener_->ended("reset");
    }
}

}  // namespace messaging::bench
