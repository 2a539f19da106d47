// How a measured server is spoken to, so that the measuring is the same for all.
//
// People are numbers: users read, senders write, and user U is written to by sender
// U modulo the number of senders. A message is 140 bytes and carries its number.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "t/bench/driver.hpp"
#include "t/bench/options.hpp"

namespace messaging::bench {

// What a frame of a stream brought.
struct Received {
    uint64_t id = 0;
    uint64_t seq = 0;  // in its conversation; 0: the server has no such thing
};

class Target {
public:
    virtual ~Target() = default;

    // Whatever has to be there before a message can be sent.
    virtual void prepare(Driver& driver) = 0;
    virtual std::string send(int user, uint64_t id) const = 0;
    virtual std::string stream(int user) const = 0;
    // What a browser would send of it over HTTP/2: path and token (empty: none).
    virtual std::string streamPath(int user) const = 0;
    virtual std::string streamToken(int user) const = 0;
    // The stream stands when this frame has come.
    virtual bool opens(std::string_view frame) const = 0;
    virtual bool message(std::string_view frame, Received* received) const = 0;
};

std::unique_ptr<Target> makeTarget(const Options& options);

// Tokens, paths and conversations of the messaging API.
class Messaging final : public Target {
public:
    explicit Messaging(const Options& options);

    void prepare(Driver& driver) override;
    std::string send(int user, uint64_t id) const override;
    std::string stream(int user) const override;
    std::string streamPath(int user) const override;
    std::string streamToken(int user) const override;
    bool opens(std::string_view frame) const override;
    bool message(std::string_view frame, Received* received) const override;

    int senderOf(int user) const { return user % options_.senders; }
    const std::string& userToken(int user) const { return userTokens_[user]; }
    const std::string& senderToken(int sender) const { return senderTokens_[sender]; }
    const std::string& conversation(int user) const { return conversations_[user]; }

    // A whole request; `path` follows the API's prefix.
    std::string request(std::string_view method, std::string_view path,
                        std::string_view token, std::string_view body = {},
                        std::string_view key = {}) const;

private:
    class Opening;

    const Options options_;
    std::string run_;  // idempotency keys of another run are other keys
    std::vector<std::string> userTokens_;
    std::vector<std::string> senderTokens_;
    std::vector<std::string> conversations_;  // by user
};

}  // namespace messaging::bench
