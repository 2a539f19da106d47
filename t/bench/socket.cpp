// Connects blocking, which on loopback is a matter of microseconds, then never blocks.
#include "t/bench/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "t/bench/loop.hpp"

namespace messaging::bench {
namespace {

constexpr size_t kRead = 16 * 1024;

}  // namespace

void Socket::connect(int port) {
    close();
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd_ < 0 ||
        ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        die("cannot connect to port %d: errno %d", port, errno);
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd_, F_SETFL, O_NONBLOCK);
}

void Socket::close() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
    fd_ = -1;
    in_.clear();
}

bool Socket::write(std::string_view bytes) {
    const ssize_t written = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN) {
        return false;
    }
    if (written != static_cast<ssize_t>(bytes.size())) {
        die("a request of %zu bytes does not fit", bytes.size());
    }
    return true;
}

bool Socket::read() {
    char bytes[kRead];
    const ssize_t got = recv(fd_, bytes, sizeof bytes, 0);
    if (got > 0) {
        in_.append(bytes, static_cast<size_t>(got));
        return true;
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

}  // namespace messaging::bench
