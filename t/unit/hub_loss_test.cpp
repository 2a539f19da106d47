// Tests for the hub against a Redis that loses what it can while the two connections to
// it run apart: no client may ever miss an event without being told.
#include "ngx_module/core/hub.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <random>

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using namespace messaging::core;

constexpr std::string_view kRun = "0123456789abcdef";
constexpr std::string_view kOther = "fedcba9876543210";
const InboxKey kInbox = {1, 2};
const InboxKey kTeam = {3, 4};

std::string placeText(std::string_view run, const Place& place) {
    std::string text;
    appendPlace(text, run, place);
    return text;
}

// Two inboxes, one Redis, streams of either and of both that come and go. Every
// stream's client fetches all that is stored at the instant of a `hello` or `reset`,
// and must from then on never be given event n of a log without n-1.
class World : Hub::Outlet {
public:
    explicit World(unsigned seed) : random_(seed) { connect(); }

    void run(size_t steps) {
        for (size_t i = 0; i < steps; ++i) {
            step();
        }
        settle();
        for (auto& client : clients_) {
            for (size_t i = 0; i < 2; ++i) {
                const unsigned known = client->known[i];
                ck_assert_msg(
                    !client->open || !client->follows(i) || known == logs_[i].stored,
                    "a client knows %u of %u", known, logs_[i].stored);
            }
        }
    }
    unsigned delivered = 0;
    unsigned resets = 0;
    unsigned resumed = 0;
    unsigned resumedBoth = 0;

private:
    struct Log {
        InboxKey key;
        std::vector<Entry> entries;
        unsigned stored = 0;
        bool subscribedThere = false;
    };
    enum class Kind { Own, Team, Both };
    struct Client : Stream {
        Kind kind = Kind::Own;
        bool open = false;
        bool refused = false;
        bool busy = false;
        unsigned known[2] = {0, 0};  // 1 … known
        std::string last;            // Last-Event-ID

        bool follows(size_t log) const {
            return kind == Kind::Both || (kind == Kind::Team) == (log == 1);
        }
    };

    Log& logOf(const InboxKey& key) { return logs_[key == kTeam ? 1 : 0]; }

    unsigned draw(unsigned below) { return static_cast<unsigned>(random_() % below); }

    // What Redis does. The worker never drops an event of a Redis that still runs.

    // Never below the last of its log, whatever the clock does.
    LogId nextId(const Log& log) {
        clock_ += 1 + draw(3);
        const LogId id{clock_ * 1000 + epoch_, 0};
        if (log.entries.empty() || log.entries.back().id < id) {
            return id;
        }
        const LogId& last = log.entries.back().id;
        return {last.milliseconds, last.sequence + 1};
    }
    void publish(Log& log) {
        ++log.stored;
        Entry entry;
        entry.events = {{"message", std::to_string(log.stored)}};
        if (draw(4) == 0) {
            ++log.stored;
            entry.events.push_back({"message", std::to_string(log.stored)});
        }
        LogId previous;
        if (!log.entries.empty()) {
            previous = log.entries.back().id;
            entry.id = nextId(log);
            log.entries.push_back(entry);
        }
        if (log.subscribedThere) {
            const InboxKey key = log.key;
            live_.push_back(
                [this, key, previous, entry] { hub_.announced(key, previous, entry); });
        }
    }
    Hub::Renewal renewThere(Log& log) {
        Hub::Renewal renewal;
        if (log.entries.empty()) {
            log.entries.push_back({nextId(log), {}});
            renewal.made = true;
        }
        renewal.last = log.entries.back().id;
        return renewal;
    }
    void flush() {
        ++epoch_;
        if (draw(2) == 0) {
            clock_ -= std::min<uint64_t>(clock_ - 1, draw(30));
        }
        const bool all = draw(2) == 0;
        for (Log& log : logs_) {
            if (all || draw(2) == 0) {
                log.entries.clear();
                if (draw(2) == 0) {
                    renewThere(log);  // by another process
                }
            }
        }
    }
    void trim() {
        for (Log& log : logs_) {
            if (log.entries.size() > 1 && draw(2) == 0) {
                log.entries.erase(log.entries.begin(),
                                  log.entries.begin() + draw(log.entries.size()));
            }
        }
    }

    // Connections

    void connect() {
        up_ = true;
        hub_.redisUp(run_);
    }
    void disconnect() {
        up_ = false;
        for (Log& log : logs_) {
            log.subscribedThere = false;
        }
        live_.clear();
        commands_.clear();
        answers_.clear();
        hub_.redisDown();
        drop();
    }
    void restart() {
        disconnect();
        run_ = run_ == kRun ? kOther : kRun;
        for (Log& log : logs_) {
            log.entries.clear();
        }
        flush();
        connect();
    }
    static bool runOne(std::deque<std::function<void()>>& queue) {
        if (queue.empty()) {
            return false;
        }
        const auto task = std::move(queue.front());
        queue.pop_front();
        task();
        return true;
    }

    // Hub::Outlet

    void subscribe(const InboxKey& key) override {
        commandsLive_.push_back([this, key] {
            logOf(key).subscribedThere = true;
            live_.push_back([this, key] { hub_.subscribed(key); });
        });
    }
    void unsubscribe(const InboxKey& key) override {
        commandsLive_.push_back([this, key] { logOf(key).subscribedThere = false; });
    }
    bool renew(const InboxKey& key, uint64_t ticket) override {
        if (draw(20) == 0) {
            return false;
        }
        commands_.push_back([this, key, ticket] {
            std::optional<Hub::Renewal> renewal;
            if (draw(20) != 0) {
                renewal = renewThere(logOf(key));
            }
            answers_.push_back(
                [this, key, ticket, renewal] { hub_.renewed(key, ticket, renewal); });
        });
        return true;
    }
    bool fetch(const InboxKey& key, const LogId& from, uint64_t ticket) override {
        if (draw(20) == 0) {
            return false;
        }
        commands_.push_back([this, key, from, ticket] {
            std::vector<Entry> entries;
            for (const Entry& entry : logOf(key).entries) {
                if (!(entry.id < from) && entries.size() < 4) {  // in place of kFetch
                    entries.push_back(entry);
                }
            }
            const bool fails = draw(20) == 0;
            answers_.push_back([this, ticket, entries, fails] {
                hub_.fetched(ticket, fails ? nullptr : &entries);
            });
        });
        return true;
    }
    void open(Stream& stream, const Opening& opening) override {
        auto& client = static_cast<Client&>(stream);
        ck_assert(!client.open && !client.refused);
        client.open = true;
        client.last = placeText(run_, opening.place);
        if (opening.resumed) {
            ++(client.kind == Kind::Both ? resumedBoth : resumed);
            Place place = opening.place;
            give(client, opening.missed, place);
            if (opening.missed.count > 0) {
                place.own = {opening.missed.first[opening.missed.count - 1].id, 0};
            }
            give(client, opening.missedTeam, place);
        } else {
            knowAll(client);
        }
    }
    void whisper(Stream&, const Entry&) override {}
    void refuse(Stream& stream) override {
        auto& client = static_cast<Client&>(stream);
        ck_assert(!client.open && !client.refused);
        client.refused = true;
    }
    void deliver(Stream& stream, const Batch& batch, const Place& place) override {
        give(static_cast<Client&>(stream), batch, place);
    }
    void reset(Stream& stream, const Place& place, std::string_view) override {
        auto& client = static_cast<Client&>(stream);
        ck_assert(client.open);
        ++resets;
        knowAll(client);
        client.last = placeText(run_, place);
    }
    bool busy(const Stream& stream) override {
        return static_cast<const Client&>(stream).busy;
    }
    void knowAll(Client& client) {
        for (size_t i = 0; i < 2; ++i) {
            client.known[i] = logs_[i].stored;
        }
    }
    void give(Client& client, const Batch& batch, Place place) {
        ck_assert(client.open);
        unsigned& known = client.known[batch.team || client.kind == Kind::Team ? 1 : 0];
        Cursor& moving = batch.team ? place.team : place.own;
        client.busy = client.busy || draw(2) == 0;
        for (size_t i = 0; i < batch.count; ++i) {
            const Entry& entry = batch.first[i];
            for (size_t k = i == 0 ? batch.skip : 0; k < entry.events.size(); ++k) {
                const auto number =
                    static_cast<unsigned>(std::stoul(entry.events[k].data));
                ck_assert_msg(number <= known + 1, "%u after %u", number, known);
                known = std::max(known, number);
                const bool last = k + 1 == entry.events.size();
                moving = {entry.id, last ? 0 : static_cast<uint32_t>(k + 1)};
                client.last = placeText(run_, place);
                ++delivered;
            }
        }
    }

    // Clients

    void drop() {
        for (auto& client : clients_) {
            if (client->refused && client->inbox != nullptr) {
                hub_.remove(*client);
            }
        }
    }
    void cut() {
        for (auto& client : clients_) {
            if (client->inbox != nullptr && draw(2) == 0) {
                hub_.remove(*client);
                client->open = false;
            }
        }
    }
    void come() {
        for (auto& client : clients_) {
            if (client->inbox == nullptr) {
                returnOf(*client);
                return;
            }
        }
        if (clients_.size() < 6) {
            clients_.push_back(std::make_unique<Client>());
            clients_.back()->kind = static_cast<Kind>(clients_.size() % 3);
            returnOf(*clients_.back());
        }
    }
    void returnOf(Client& client) {
        const Client before = client;
        client = Client();
        std::copy(before.known, before.known + 2, client.known);
        client.last = before.last;
        client.kind = before.kind;
        if (draw(8) == 0) {  // another role
            client.kind = static_cast<Kind>(draw(3));
        }
        // Of a cursor, another kind is nobody's; of two logs it tells which. That a
        // place of one's own log is not given for the team's alone is the caller's to
        // see to.
        const bool none =
            draw(4) == 0 || (client.kind != before.kind && client.kind != Kind::Both &&
                             before.kind != Kind::Both);
        const std::string last = none ? "" : client.last;
        if (client.kind == Kind::Both) {
            hub_.add(client, kInbox, kTeam, last, now_);
        } else {
            hub_.add(client, client.kind == Kind::Own ? kInbox : kTeam, last, now_);
        }
    }

    void step() {
        switch (draw(40)) {
            case 0:
                draw(3) == 0 ? flush() : trim();
                break;
            case 1:
                draw(4) == 0 ? disconnect() : cut();
                break;
            case 2:
                now_ += draw(Hub::kRenewEvery);
                hub_.tick(now_);
                break;
            case 3:
                if (up_ && draw(10) == 0) {
                    restart();
                }
                break;
            case 4:
            case 5:
                if (!up_) {
                    connect();
                } else {
                    come();
                }
                break;
            default:
                draw(6) == 0 ? publish(logs_[draw(2)]) : progress();
                break;
        }
        drop();
    }
    void take() {
        for (auto& client : clients_) {
            if (client->busy && draw(2) == 0) {
                client->busy = false;
                hub_.taken(*client);
            }
        }
    }
    void progress() {
        switch (draw(6)) {
            case 0:
                runOne(live_);
                break;
            case 1:
                runOne(commands_);
                break;
            case 2:
                runOne(answers_);
                break;
            case 3:
                runOne(commandsLive_);
                break;
            case 4:
                take();
                break;
            default:
                hub_.work(1);
                break;
        }
    }
    // Two rounds of renewals find what is left to find.
    void settle() {
        if (!up_) {
            connect();
        }
        for (int round = 0; round < 20; ++round) {
            now_ += Hub::kRenewEvery;
            hub_.tick(now_);
            for (int i = 0; i < 2000; ++i) {
                progress();
                drop();
            }
        }
    }

    std::mt19937 random_;
    Hub hub_{*this};
    std::string_view run_ = kRun;
    bool up_ = false;
    uint64_t clock_ = 1000;
    uint64_t epoch_ = 0;
    uint64_t now_ = 0;
    Log logs_[2] = {{kInbox, {}, 0, false}, {kTeam, {}, 0, false}};
    std::deque<std::function<void()>> live_;          // to us
    std::deque<std::function<void()>> commandsLive_;  // from us, subscriptions
    std::deque<std::function<void()>> commands_;      // from us
    std::deque<std::function<void()>> answers_;       // to us
    std::vector<std::unique_ptr<Client>> clients_;
};

START_TEST(neverASilentGap) {
    unsigned delivered = 0;
    unsigned resets = 0;
    unsigned resumed = 0;
    unsigned resumedBoth = 0;
    for (unsigned seed = 1; seed <= 150; ++seed) {
        World world(seed);
        world.run(4000);
        delivered += world.delivered;
        resets += world.resets;
        resumed += world.resumed;
        resumedBoth += world.resumedBoth;
    }
    ck_assert_msg(delivered > 1000 && resets > 100 && resumed > 100 && resumedBoth > 10,
                  "%u %u %u %u", delivered, resets, resumed, resumedBoth);
}

}  // namespace

Suite* hub_lossSuite() {
    return suiteOf("hub_loss", {neverASilentGap});
}

}  // namespace messaging::unit
