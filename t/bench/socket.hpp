// A TCP connection to a server on loopback, with what was read of it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace messaging::bench {

class Socket {
public:
    Socket() = default;
    ~Socket() { close(); }
    Socket(Socket&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), in_(std::move(other.in_)) {}
    Socket& operator=(Socket&&) = delete;

    // Loopback answers at once, or never; the program ends if it cannot be reached.
    void connect(int port);
    void close();
    int fd() const { return fd_; }

    // Requests here fit any socket's buffer: one that does not is an error. False: the
    // peer has closed.
    bool write(std::string_view bytes);

    // Appends what is there to in(). False: the peer has closed.
    bool read();

    std::string& in() { return in_; }

private:
    int fd_ = -1;
    std::string in_;
};

}  // namespace messaging::bench
