// A stream for each user that nobody writes to: what is measured is the server's
// memory, by whoever started this, between the printed line and the end of stdin.
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "t/bench/http2.hpp"
#include "t/bench/modes.hpp"
#include "t/bench/stream.hpp"
#include "t/bench/target.hpp"

namespace messaging::bench {
namespace {

constexpr size_t kOpening = 64;
constexpr int64_t kOpenPatience = 120 * kSecond;
constexpr int64_t kTurn = kSecond / 10;

// What one stream of either protocol reports.
class Holder final : public Stream::Listener, public Http2Stream::Listener {
public:
    Holder(const Target& target, size_t& open, size_t& ended)
        : target_(target), open_(open), ended_(ended) {}

    void frame(int user, std::string_view frame, int64_t at) override { body(frame); }
    void ended(int user, std::string_view why) override { ended(why); }

    void body(std::string_view bytes) override {
        if (!counted_ && target_.opens(bytes)) {
            counted_ = true;
            open_++;
        }
    }
    void ended(std::string_view why) override {
        if (ended_++ == 0) {
            fprintf(stderr, "bench-load: a stream ended: %.*s\n",
                    static_cast<int>(why.size()), why.data());
        }
    }

private:
    const Target& target_;
    size_t& open_;
    size_t& ended_;
    bool counted_ = false;
};

struct Held {
    Held(const Target& target, size_t& open, size_t& ended)
        : holder(target, open, ended) {}
    Holder holder;
    std::unique_ptr<Stream> plain;
    std::unique_ptr<Http2Stream> http2;
};

bool inputEnded() {
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    char byte = 0;
    return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

}  // namespace

void holdStreams(const Options& options) {
    Loop loop;
    const std::unique_ptr<Target> target = makeTarget(options);
    size_t open = 0;
    size_t ended = 0;
    std::vector<std::unique_ptr<Held>> all;
    const int64_t until = now() + kOpenPatience;
    const auto waitOpen = [&](size_t count) {
        if (!loop.run([&] { return open >= count || ended != 0; }, until) ||
            ended != 0) {
            die("%zu of %d streams open, %zu ended", open, options.users, ended);
        }
    };
    for (int user = 0; user < options.users; user++) {
        all.push_back(std::make_unique<Held>(*target, open, ended));
        Held& held = *all.back();
        if (options.http2) {
            held.http2 = std::make_unique<Http2Stream>(
                loop, options.port, target->streamPath(user), target->streamToken(user),
                &held.holder);
        } else {
            held.plain = std::make_unique<Stream>(loop, options.port, user,
                                                  target->stream(user), &held.holder);
        }
        waitOpen(all.size() < kOpening ? 0 : all.size() - kOpening);
    }
    waitOpen(all.size());
    printf("{\"mode\":\"idle\",\"streams\":%zu}\n", open);
    fflush(stdout);
    while (!inputEnded()) {
        loop.run([] { return false; }, now() + kTurn);
    }
    if (ended != 0) {
        die("%zu streams ended", ended);
    }
}

}  // namespace messaging::bench
