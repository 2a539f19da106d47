// Tests for the hub: each rule alone, then all of them against a Redis that loses what
// it can while the two connections run apart.
#include "ngx_module/core/hub.hpp"

#include <algorithm>
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

// Writes down what it is asked for, one word each; keeps the newest tickets.
struct Recorder : Hub::Outlet {
    std::string log;
    uint64_t renewal = 0;
    uint64_t fetching = 0;
    bool takes = true;

    void note(const std::string& word) { log += (log.empty() ? "" : " ") + word; }
    std::string take() {
        std::string taken;
        taken.swap(log);
        return taken;
    }

    void subscribe(const InboxKey&) override { note("subscribe"); }
    void unsubscribe(const InboxKey&) override { note("unsubscribe"); }
    bool renew(const InboxKey&, uint64_t ticket) override {
        renewal = ticket;
        note(takes ? "renew" : "renew!");
        return takes;
    }
    bool fetch(const InboxKey&, const LogId& from, uint64_t ticket) override {
        fetching = ticket;
        note("fetch:" + formatLogId(from));
        return takes;
    }
    void open(Stream&, const Opening& opening) override {
        note("open:" + formatLogId(opening.cursor.id) +
             (opening.resumed ? ":resumed" : ""));
        for (size_t i = 0; i < opening.missed.count; ++i) {
            note("+" + formatLogId(opening.missed.first[i].id));
        }
        if (!opening.reset.empty()) {
            note("reset:" + std::string(opening.reset));
        }
    }
    void refuse(Stream&) override { note("refuse"); }
    void deliver(Stream&, const Batch& batch) override {
        for (size_t i = 0; i < batch.count; ++i) {
            note("deliver:" + formatLogId(batch.first[i].id));
        }
    }
    void reset(Stream&, const LogId& position, std::string_view reason) override {
        note("reset:" + formatLogId(position) + ":" + std::string(reason));
    }
};

Entry entryOf(uint64_t id) {
    return {{id, 0}, {{"message", "{}"}}};
}

std::vector<Entry> entriesOf(std::initializer_list<uint64_t> ids) {
    std::vector<Entry> entries;
    for (const uint64_t id : ids) {
        entries.push_back(entryOf(id));
    }
    return entries;
}

// A hub with Redis there, and what most tests do to it.
struct Bench {
    Recorder outlet;
    Hub hub{outlet};

    Bench() { hub.redisUp(kRun); }

    void announce(uint64_t previous, uint64_t id) {
        hub.announced(kInbox, {previous, 0}, entryOf(id));
    }
    void renewed(uint64_t last, bool made = false) {
        hub.renewed(kInbox, outlet.renewal, Hub::Renewal{{last, 0}, made});
    }
    void fetched(std::initializer_list<uint64_t> ids) {
        const std::vector<Entry> entries = entriesOf(ids);
        hub.fetched(outlet.fetching, &entries);
    }
    // A stream that is live at `last`.
    void live(Stream& stream, uint64_t last) {
        hub.add(stream, kInbox, "", 0);
        hub.subscribed(kInbox);
        renewed(last);
        outlet.take();
    }
    void tick(uint64_t now) {
        hub.tick(now);
        hub.work(100);
    }
};

START_TEST(opensAfterConfirmationAndRenewal) {
    Bench bench;
    Stream stream;
    bench.hub.add(stream, kInbox, "", 0);
    EXPECT_TEXT(bench.outlet.take(), "subscribe");
    bench.hub.subscribed(kInbox);
    EXPECT_TEXT(bench.outlet.take(), "renew");
    bench.renewed(5, true);
    EXPECT_TEXT(bench.outlet.take(), "open:5-0");
    bench.announce(5, 6);
    bench.announce(6, 7);
    EXPECT_TEXT(bench.outlet.take(), "deliver:6-0 deliver:7-0");
    bench.hub.remove(stream);
    EXPECT_TEXT(bench.outlet.take(), "unsubscribe");
    ck_assert_uint_eq(bench.hub.inboxes(), 0);
    bench.announce(7, 8);
    EXPECT_TEXT(bench.outlet.take(), "");
}

START_TEST(anAnnouncementThatIsAheadOfTheRenewal) {
    Bench bench;
    Stream stream;
    bench.hub.add(stream, kInbox, "", 0);
    bench.hub.subscribed(kInbox);
    bench.announce(5, 6);
    bench.outlet.take();
    bench.renewed(5);
    EXPECT_TEXT(bench.outlet.take(), "open:5-0 fetch:5-0");
    bench.announce(6, 7);  // while it reads
    bench.fetched({5, 6});
    EXPECT_TEXT(bench.outlet.take(), "deliver:6-0 fetch:6-0");
    bench.fetched({6, 7});
    EXPECT_TEXT(bench.outlet.take(), "deliver:7-0");
    bench.announce(7, 8);
    EXPECT_TEXT(bench.outlet.take(), "deliver:8-0");
}

START_TEST(announcementsThatAreBehind) {
    Bench bench;
    Stream stream;
    bench.live(stream, 9);
    bench.announce(7, 8);
    bench.announce(8, 9);
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.announce(9, 10);
    EXPECT_TEXT(bench.outlet.take(), "deliver:10-0");
}

START_TEST(aGapIsReadAgain) {
    Bench bench;
    Stream stream;
    bench.live(stream, 5);
    bench.announce(6, 7);
    EXPECT_TEXT(bench.outlet.take(), "fetch:5-0");
    bench.announce(7, 8);
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.fetched({5, 6, 7, 8});
    EXPECT_TEXT(bench.outlet.take(), "deliver:6-0 deliver:7-0 deliver:8-0");
}

START_TEST(aGapThatCannotBeRead) {
    const std::vector<Entry> wrong = {entryOf(5), entryOf(7), entryOf(6)};
    const std::vector<Entry> cases[] = {entriesOf({6, 7}), entriesOf({}),
                                        entriesOf({5}), wrong};
    for (const std::vector<Entry>& entries : cases) {
        Bench bench;
        Stream stream;
        bench.live(stream, 5);
        bench.announce(6, 7);
        bench.outlet.take();
        bench.hub.fetched(bench.outlet.fetching, &entries);
        EXPECT_TEXT(bench.outlet.take(), "renew");
        bench.announce(7, 8);
        EXPECT_TEXT(bench.outlet.take(), "");
        bench.renewed(8);
        EXPECT_TEXT(bench.outlet.take(), "reset:8-0:gap");
        bench.announce(8, 9);
        EXPECT_TEXT(bench.outlet.take(), "deliver:9-0");
    }
    Bench bench;
    Stream stream;
    bench.live(stream, 5);
    bench.announce(6, 7);
    bench.hub.fetched(bench.outlet.fetching, nullptr);
    bench.renewed(7);
    EXPECT_TEXT(bench.outlet.take(), "fetch:5-0 renew reset:7-0:gap");
}

START_TEST(aLogThatNobodyKeeps) {
    Bench bench;
    Stream stream;
    bench.live(stream, 5);
    bench.announce(0, 0);
    EXPECT_TEXT(bench.outlet.take(), "renew");
    bench.announce(0, 0);  // the renewal under way may be older than this loss
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.renewed(8, true);
    EXPECT_TEXT(bench.outlet.take(), "renew");
    bench.renewed(9, false);
    EXPECT_TEXT(bench.outlet.take(), "reset:9-0:gap");
    bench.hub.garbled(kInbox);
    bench.renewed(9);
    EXPECT_TEXT(bench.outlet.take(), "renew reset:9-0:gap");
}

START_TEST(renewalsFindWhatWasNotAnnounced) {
    Bench bench;
    Stream stream;
    bench.live(stream, 5);
    bench.tick(Hub::kRenewEvery - 1);
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.tick(Hub::kRenewEvery);
    bench.tick(Hub::kRenewEvery);
    EXPECT_TEXT(bench.outlet.take(), "renew");
    bench.renewed(5);
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.tick(2 * Hub::kRenewEvery);
    bench.renewed(7);  // the announcement is lost or late
    EXPECT_TEXT(bench.outlet.take(), "renew fetch:5-0");
    bench.fetched({5, 7});
    EXPECT_TEXT(bench.outlet.take(), "deliver:7-0");
    bench.tick(3 * Hub::kRenewEvery);
    bench.renewed(8, true);
    EXPECT_TEXT(bench.outlet.take(), "renew reset:8-0:gap");
    bench.tick(4 * Hub::kRenewEvery);
    bench.renewed(3);  // made by somebody else, with a clock that went back
    EXPECT_TEXT(bench.outlet.take(), "renew reset:3-0:gap");
    bench.announce(3, 4);
    EXPECT_TEXT(bench.outlet.take(), "deliver:4-0");
}

START_TEST(aRenewalThatIsOlderThanAnAnnouncement) {
    Bench bench;
    Stream stream;
    bench.live(stream, 5);
    bench.tick(Hub::kRenewEvery);
    bench.announce(5, 6);
    bench.renewed(5);
    EXPECT_TEXT(bench.outlet.take(), "renew deliver:6-0");
}

START_TEST(aRenewalThatFails) {
    Bench bench;
    Stream first;
    Stream second;
    bench.live(first, 5);
    bench.hub.add(second, kInbox, "", 0);
    EXPECT_TEXT(bench.outlet.take(), "renew");
    bench.hub.renewed(kInbox, bench.outlet.renewal, std::nullopt);
    EXPECT_TEXT(bench.outlet.take(), "refuse");
    bench.hub.remove(second);
    bench.tick(1);
    bench.renewed(5);
    EXPECT_TEXT(bench.outlet.take(), "renew");
    bench.tick(2);
    EXPECT_TEXT(bench.outlet.take(), "");
}

START_TEST(resumes) {
    struct Case {
        std::string given;
        std::vector<Entry> entries;
        const char* wanted;
    };
    std::vector<Entry> twoEvents = entriesOf({5, 6});
    twoEvents[0].events.push_back({"unread", "{}"});
    const Case cases[] = {
        {cursorText(kRun, {9, 0}), {}, "open:9-0:resumed"},
        {cursorText(kRun, {5, 0}), entriesOf({5, 6, 9}),
         "fetch:5-0 open:5-0:resumed +6-0 +9-0"},
        {cursorText(kRun, {5, 0}), entriesOf({6, 9}), "fetch:5-0 open:9-0 reset:gap"},
        {cursorText(kRun, {5, 0}), {}, "fetch:5-0 open:9-0 reset:gap"},
        {cursorText(kRun, {5, 0}, 1), entriesOf({5, 9}),
         "fetch:5-0 open:9-0 reset:gap"},
        {cursorText(kRun, {10, 0}), {}, "open:9-0 reset:gap"},
        {cursorText(kOther, {9, 0}), {}, "open:9-0 reset:foreign"},
        {"nonsense", {}, "open:9-0 reset:foreign"},
    };
    for (const Case& row : cases) {
        Bench bench;
        Stream stream;
        bench.hub.add(stream, kInbox, row.given, 0);
        bench.hub.subscribed(kInbox);
        bench.outlet.take();
        bench.renewed(9);
        bench.hub.fetched(bench.outlet.fetching, &row.entries);
        EXPECT_TEXT(bench.outlet.take(), row.wanted);
        bench.announce(9, 10);
        EXPECT_TEXT(bench.outlet.take(), "deliver:10-0");
        bench.hub.remove(stream);
    }
    Bench bench;
    Stream stream;
    bench.hub.add(stream, kInbox, cursorText(kRun, {5, 0}, 1), 0);
    bench.hub.subscribed(kInbox);
    bench.renewed(6);
    bench.outlet.take();
    bench.hub.fetched(bench.outlet.fetching, &twoEvents);
    EXPECT_TEXT(bench.outlet.take(), "open:5-0:resumed +5-0 +6-0");
}

START_TEST(losesItsLogWhileItReplays) {
    Bench bench;
    Stream first;
    Stream stream;
    bench.live(first, 9);
    bench.hub.add(stream, kInbox, cursorText(kRun, {5, 0}), 0);
    bench.renewed(9);
    EXPECT_TEXT(bench.outlet.take(), "renew fetch:5-0");
    bench.announce(0, 0);
    const uint64_t late = bench.outlet.fetching;
    bench.renewed(20, true);
    EXPECT_TEXT(bench.outlet.take(), "renew reset:20-0:gap open:20-0 reset:gap");
    const std::vector<Entry> entries = entriesOf({5, 9});
    bench.hub.fetched(late, &entries);
    EXPECT_TEXT(bench.outlet.take(), "");
}

START_TEST(redisGoesAndComesBack) {
    Bench bench;
    Stream live;
    Stream opening;
    bench.live(live, 5);
    bench.hub.add(opening, kInbox, "", 0);
    const uint64_t late = bench.outlet.renewal;
    bench.outlet.take();
    bench.hub.redisDown();
    EXPECT_TEXT(bench.outlet.take(), "refuse");
    bench.hub.remove(opening);
    bench.hub.renewed(kInbox, late, std::nullopt);
    bench.hub.redisUp(kRun);
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.hub.work(1);
    EXPECT_TEXT(bench.outlet.take(), "subscribe");
    bench.hub.subscribed(kInbox);
    ck_assert(bench.hub.hasWork());
    bench.hub.work(1);
    EXPECT_TEXT(bench.outlet.take(), "renew");
    ck_assert(!bench.hub.hasWork());
    bench.renewed(6);
    EXPECT_TEXT(bench.outlet.take(), "fetch:5-0");
    bench.hub.redisDown();
    bench.fetched({5, 6});
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.hub.redisUp(kOther);
    bench.hub.work(1);
    bench.hub.subscribed(kInbox);
    bench.hub.work(1);
    bench.outlet.take();
    bench.renewed(2, true);
    EXPECT_TEXT(bench.outlet.take(), "reset:2-0:foreign");
    bench.hub.remove(live);
    EXPECT_TEXT(bench.outlet.take(), "unsubscribe");
}

START_TEST(subscriptionsAlternate) {
    Bench bench;
    Stream stream;
    bench.hub.add(stream, kInbox, "", 0);
    bench.hub.remove(stream);
    EXPECT_TEXT(bench.outlet.take(), "subscribe");  // the confirmation is awaited
    bench.hub.add(stream, kInbox, "", 0);
    bench.hub.remove(stream);
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.hub.subscribed(kInbox);
    EXPECT_TEXT(bench.outlet.take(), "unsubscribe");
    ck_assert_uint_eq(bench.hub.inboxes(), 0);
    bench.hub.add(stream, kInbox, "", 0);
    bench.hub.remove(stream);
    bench.hub.redisDown();
    ck_assert_uint_eq(bench.hub.inboxes(), 0);
    bench.hub.subscribed(kInbox);
    EXPECT_TEXT(bench.outlet.take(), "subscribe");
}

START_TEST(aQueueThatIsFull) {
    Bench bench;
    Stream stream;
    bench.hub.add(stream, kInbox, cursorText(kRun, {5, 0}), 0);
    bench.outlet.takes = false;
    bench.hub.subscribed(kInbox);
    bench.hub.work(9);
    EXPECT_TEXT(bench.outlet.take(), "subscribe renew! renew!");
    ck_assert(bench.hub.hasWork());
    bench.outlet.takes = true;
    bench.hub.work(9);
    bench.outlet.takes = false;
    bench.renewed(9);
    EXPECT_TEXT(bench.outlet.take(), "renew fetch:5-0 refuse");
    bench.hub.remove(stream);
    bench.outlet.takes = true;
    bench.live(stream, 9);
    bench.outlet.takes = false;
    bench.announce(10, 11);
    ck_assert(bench.hub.hasWork());
    bench.outlet.takes = true;
    bench.hub.work(9);
    EXPECT_TEXT(bench.outlet.take(), "fetch:9-0 renew");
    bench.renewed(11);
    EXPECT_TEXT(bench.outlet.take(), "fetch:9-0");
}

START_TEST(inboxKeys) {
    const auto key = parseInboxKey("00112233445566778899aabbccddeeff");
    ck_assert(key && key->high == 0x0011223344556677 && key->low == 0x8899aabbccddeeff);
    EXPECT_TEXT(formatInboxKey(*key), "00112233445566778899aabbccddeeff");
    for (const std::string_view bad :
         {"", "00112233445566778899aabbccddeef", "00112233445566778899aabbccddeeff0",
          "00112233445566778899AABBCCDDEEFF", "0x112233445566778899aabbccddeeff",
          "-0112233445566778899aabbccddeeff"}) {
        EXPECT_FOR(!parseInboxKey(bad), bad);
    }
}

// --- Against a Redis that loses what it can

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
    void give(Client& client, const Batch& batch) {
        ck_assert(client.open);
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
    void progress() {
        switch (draw(5)) {
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

Suite* hubSuite() {
    return suiteOf(
        "hub", {opensAfterConfirmationAndRenewal, anAnnouncementThatIsAheadOfTheRenewal,
                announcementsThatAreBehind, aGapIsReadAgain, aGapThatCannotBeRead,
                aLogThatNobodyKeeps, renewalsFindWhatWasNotAnnounced,
                aRenewalThatIsOlderThanAnAnnouncement, aRenewalThatFails, resumes,
                losesItsLogWhileItReplays, redisGoesAndComesBack,
                subscriptionsAlternate, aQueueThatIsFull, inboxKeys, neverASilentGap});
}

}  // namespace messaging::unit
