// The messaging API, and nchan's publisher and EventSource locations.
#include "t/bench/target.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "schema/json.hpp"

namespace messaging::bench {
namespace {

constexpr size_t kPayload = 140;
constexpr std::string_view kMark = "bench-";
constexpr size_t kDigits = 10;

// "bench-0000000042-…", nothing in it that JSON would escape.
std::string payload(uint64_t id) {
    char head[32];
    snprintf(head, sizeof head, "bench-%010llu-", static_cast<unsigned long long>(id));
    std::string text = head;
    while (text.size() < kPayload) {
        text += "the quick brown fox jumps over the lazy dog ";
    }
    text.resize(kPayload - 1);
    return text + '.';
}

bool findId(std::string_view text, uint64_t* id) {
    const size_t at = text.find(kMark);
    if (at == std::string_view::npos || text.size() < at + kMark.size() + kDigits) {
        return false;
    }
    *id = strtoull(text.data() + at + kMark.size(), nullptr, 10);
    return true;
}

std::string base64url(const unsigned char* bytes, size_t length) {
    std::string text(4 * ((length + 2) / 3) + 1, '\0');
    text.resize(static_cast<size_t>(
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes,
                        static_cast<int>(length))));
    while (!text.empty() && text.back() == '=') {
        text.pop_back();
    }
    for (char& c : text) {
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    return text;
}

std::string base64url(std::string_view text) {
    return base64url(reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

std::string makeToken(const std::string& secret, const std::string& user) {
    const std::string claims = "{\"exp\":" + std::to_string(time(nullptr) + 86400) +
                               ",\"sub\":\"" + user + "\"}";
    std::string token =
        base64url(R"({"alg":"HS256","typ":"JWT"})") + '.' + base64url(claims);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash,
         &length);
    return token + '.' + base64url(hash, length);
}

std::string readSecret(const std::string& path) {
    std::ifstream file(path);
    std::string secret;
    if (!std::getline(file, secret) || secret.empty()) {
        die("no key in \"%s\"", path.c_str());
    }
    return secret;
}

std::string post(std::string_view path, std::string_view headers,
                 std::string_view body) {
    std::string text = "POST ";
    text += path;
    text += " HTTP/1.1\r\nHost: localhost\r\n";
    text += headers;
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    text += body;
    return text;
}

class Nchan final : public Target {
public:
    void prepare(Driver& driver) override {}
    std::string send(int user, uint64_t id) const override {
        return post("/pub/user" + std::to_string(user), "Content-Type: text/plain\r\n",
                    payload(id));
    }
    std::string stream(int user) const override {
        return "GET " + streamPath(user) +
               " HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
    }
    std::string streamPath(int user) const override {
        return "/sub/user" + std::to_string(user);
    }
    std::string streamToken(int user) const override { return {}; }
    bool opens(std::string_view frame) const override { return true; }
    bool message(std::string_view frame, Received* received) const override {
        return findId(frame, &received->id);
    }
};

}  // namespace

std::unique_ptr<Target> makeTarget(const Options& options) {
    if (options.target == "nchan") {
        return std::make_unique<Nchan>();
    }
    return std::make_unique<Messaging>(options);
}

Messaging::Messaging(const Options& options)
    : options_(options),
      run_(std::to_string(time(nullptr)) + '-' + std::to_string(getpid())),
      conversations_(static_cast<size_t>(options.users)) {
    const std::string secret = readSecret(options.key);
    for (int i = 0; i < options.users; i++) {
        userTokens_.push_back(makeToken(secret, "user" + std::to_string(i)));
    }
    for (int i = 0; i < options.senders; i++) {
        senderTokens_.push_back(makeToken(secret, "sender" + std::to_string(i)));
    }
}

std::string Messaging::request(std::string_view method, std::string_view path,
                               std::string_view token, std::string_view body,
                               std::string_view key) const {
    std::string text(method);
    text += ' ';
    text += options_.prefix;
    text += path;
    text += " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ";
    text += token;
    if (!key.empty()) {
        text += "\r\nIdempotency-Key: ";
        text += key;
    }
    if (!body.empty()) {
        text += "\r\nContent-Type: application/json\r\nContent-Length: ";
        text += std::to_string(body.size());
    }
    text += "\r\n\r\n";
    text += body;
    return text;
}

// Opens the conversation of every user with their sender, and keeps its id.
class Messaging::Opening final : public Work {
public:
    explicit Opening(Messaging& owner) : owner_(owner) {}
    bool more() const { return begun_ < owner_.conversations_.size(); }

    std::string_view next(int client, int64_t due, uint64_t* id) override {
        *id = begun_++;
        const int user = static_cast<int>(*id);
        request_ = owner_.request(
            "POST", "/conversations", owner_.senderToken(owner_.senderOf(user)),
            "{\"members\":[\"user" + std::to_string(user) + "\"]}");
        return request_;
    }

    void answered(uint64_t id, int status, std::string_view body, int64_t at) override {
        const auto answer = json::parse(body);
        const json::Value* conversation =
            answer.ok() ? answer->find("conversation") : nullptr;
        const json::Value* found =
            conversation != nullptr ? conversation->find("id") : nullptr;
        if ((status != 200 && status != 201) || found == nullptr) {
            die("a conversation was not opened: %d %.*s", status,
                static_cast<int>(body.size()), body.data());
        }
        owner_.conversations_[id] = found->text;
    }

private:
    Messaging& owner_;
    size_t begun_ = 0;
    std::string request_;
};

void Messaging::prepare(Driver& driver) {
    Opening opening(*this);
    driver.closed(opening, [&] { return opening.more(); });
}

std::string Messaging::send(int user, uint64_t id) const {
    return request("POST", "/conversations/" + conversation(user) + "/messages",
                   senderToken(senderOf(user)), "{\"content\":\"" + payload(id) + "\"}",
                   run_ + '-' + std::to_string(id));
}

std::string Messaging::stream(int user) const {
    return "GET " + streamPath(user) +
           " HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
           "Authorization: Bearer " +
           userToken(user) + "\r\n\r\n";
}

std::string Messaging::streamPath(int user) const {
    return options_.prefix + "/stream";
}

std::string Messaging::streamToken(int user) const {
    return userToken(user);
}

bool Messaging::opens(std::string_view frame) const {
    return frame.find("event: hello\n") != std::string_view::npos;
}

bool Messaging::message(std::string_view frame, Received* received) const {
    // A `conversation` event holds a preview of the newest message: not a delivery.
    if (frame.find("event: message\n") == std::string_view::npos ||
        !findId(frame, &received->id)) {
        return false;
    }
    constexpr std::string_view kSeq = "\"seq\":";
    const size_t at = frame.find(kSeq);
    if (at != std::string_view::npos) {
        received->seq = strtoull(frame.data() + at + kSeq.size(), nullptr, 10);
    }
    return true;
}

}  // namespace messaging::bench
