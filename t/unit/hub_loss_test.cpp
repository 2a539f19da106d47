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

std::string cursorText(std::string_view run, const LogId& id, uint32_t events = 0) {
    std::string text;
    appendCursor(text, run, {id, events});
    return text;
}

// One inbox, one Redis, streams that come and go. Every stream's client fetches all
// that is stored at the instant of a `hello` or `reset`, and must from then on never be
// given event n without n-1.
class World : Hub::Outlet {
public:
    explicit World(unsigned seed) : random_(seed) { connect(); }

    void run(size_t steps) {
        for (size_t i = 0; i < steps; ++i) {
            step();
        }
        settle();
        for (auto& client : clients_) {
            ck_assert_msg(!client->open || client->known == stored_,
                          "a client knows %u of %u", client->known, stored_);
        }
    }
    unsigned delivered = 0;
    unsigned resets = 0;
    unsigned resumed = 0;

private:
    struct Client : Stream {
        bool open = false;
        bool refused = false;
        bool busy = false;
        unsigned known = 0;  // 1 … known
        std::string last;    // Last-Event-ID
    };

    unsigned draw(unsigned below) { return static_cast<unsigned>(random_() % below); }

    // What Redis does. The worker never drops an event of a Redis that still runs.

    LogId nextId() {
        clock_ += 1 + draw(3);
        return {clock_ * 1000 + epoch_, 0};
    }
    void publish() {
        ++stored_;
        Entry entry;
        entry.events = {{"message", std::to_string(stored_)}};
        if (draw(4) == 0) {
            ++stored_;
            entry.events.push_back({"message", std::to_string(stored_)});
        }
        LogId previous;
        if (!log_.empty()) {
            previous = log_.back().id;
            entry.id = nextId();
            log_.push_back(entry);
        }
        if (subscribedThere_) {
            live_.push_back(
                [this, previous, entry] { hub_.announced(kInbox, previous, entry); });
        }
    }
    Hub::Renewal renewThere() {
        Hub::Renewal renewal;
        if (log_.empty()) {
            log_.push_back({nextId(), {}});
            renewal.made = true;
        }
        renewal.last = log_.back().id;
        return renewal;
    }
    void flush() {
        log_.clear();
        ++epoch_;
        if (draw(2) == 0) {
            clock_ -= std::min<uint64_t>(clock_ - 1, draw(30));
        }
        if (draw(2) == 0) {
            renewThere();  // by another process
        }
    }
    void trim() {
        if (log_.size() > 1) {
            log_.erase(log_.begin(), log_.begin() + draw(log_.size()));
        }
    }

    // Connections

    void connect() {
        up_ = true;
        hub_.redisUp(run_);
    }
    void disconnect() {
        up_ = false;
        subscribedThere_ = false;
        live_.clear();
        commands_.clear();
        answers_.clear();
        hub_.redisDown();
        drop();
    }
    void restart() {
        disconnect();
        run_ = run_ == kRun ? kOther : kRun;
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

    void subscribe(const InboxKey&) override {
        commandsLive_.push_back([this] {
            subscribedThere_ = true;
            live_.push_back([this] { hub_.subscribed(kInbox); });
        });
    }
    void unsubscribe(const InboxKey&) override {
        commandsLive_.push_back([this] { subscribedThere_ = false; });
    }
    bool renew(const InboxKey&, uint64_t ticket) override {
        if (draw(20) == 0) {
            return false;
        }
        commands_.push_back([this, ticket] {
            std::optional<Hub::Renewal> renewal;
            if (draw(20) != 0) {
                renewal = renewThere();
            }
            answers_.push_back(
                [this, ticket, renewal] { hub_.renewed(kInbox, ticket, renewal); });
        });
        return true;
    }
    bool fetch(const InboxKey&, const LogId& from, uint64_t ticket) override {
        if (draw(20) == 0) {
            return false;
        }
        commands_.push_back([this, from, ticket] {
            std::vector<Entry> entries;
            for (const Entry& entry : log_) {
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
        client.last = cursorText(run_, opening.cursor.id, opening.cursor.events);
        if (opening.resumed) {
            ++resumed;
            give(client, opening.missed);
        } else {
            client.known = stored_;
        }
    }
    void refuse(Stream& stream) override {
        auto& client = static_cast<Client&>(stream);
        ck_assert(!client.open && !client.refused);
        client.refused = true;
    }
    void deliver(Stream& stream, const Batch& batch) override {
        give(static_cast<Client&>(stream), batch);
    }
    void reset(Stream& stream, const LogId& position, std::string_view) override {
        auto& client = static_cast<Client&>(stream);
        ck_assert(client.open);
        ++resets;
        client.known = stored_;
        client.last = cursorText(run_, position);
    }
    bool busy(const Stream& stream) override {
        return static_cast<const Client&>(stream).busy;
    }
    void give(Client& client, const Batch& batch) {
        ck_assert(client.open);
        client.busy = client.busy || draw(2) == 0;
        for (size_t i = 0; i < batch.count; ++i) {
            const Entry& entry = batch.first[i];
            for (size_t k = i == 0 ? batch.skip : 0; k < entry.events.size(); ++k) {
                const auto number =
                    static_cast<unsigned>(std::stoul(entry.events[k].data));
                ck_assert_msg(number <= client.known + 1, "%u after %u", number,
                              client.known);
                client.known = std::max(client.known, number);
                const bool last = k + 1 == entry.events.size();
                client.last =
                    cursorText(run_, entry.id, last ? 0 : static_cast<uint32_t>(k + 1));
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
        if (clients_.size() < 4) {
            clients_.push_back(std::make_unique<Client>());
            returnOf(*clients_.back());
        }
    }
    void returnOf(Client& client) {
        const unsigned known = client.known;
        const std::string last = client.last;
        client = Client();
        client.known = known;
        client.last = last;
        hub_.add(client, kInbox, draw(4) == 0 ? "" : last, now_);
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
                draw(6) == 0 ? publish() : progress();
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
    bool subscribedThere_ = false;
    uint64_t clock_ = 1000;
    uint64_t epoch_ = 0;
    uint64_t now_ = 0;
    unsigned stored_ = 0;
    std::vector<Entry> log_;
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
    for (unsigned seed = 1; seed <= 150; ++seed) {
        World world(seed);
        world.run(4000);
        delivered += world.delivered;
        resets += world.resets;
        resumed += world.resumed;
    }
    ck_assert_msg(delivered > 1000 && resets > 100 && resumed > 100, "%u %u %u",
                  delivered, resets, resumed);
}

}  // namespace

Suite* hub_lossSuite() {
    return suiteOf("hub_loss", {neverASilentGap});
}

}  // namespace messaging::unit
