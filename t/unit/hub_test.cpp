// Tests for the hub: each rule alone;
// hub_loss_test.cpp has all of them together.
#include "ngx_module/core/hub.hpp"

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
    bool busies = false;

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
        note("open:" + formatLogId(opening.place.own.id) +
             (opening.resumed ? ":resumed" : ""));
        for (size_t i = 0; i < opening.missed.count; ++i) {
            note("+" + formatLogId(opening.missed.first[i].id));
        }
        if (!opening.reset.empty()) {
            note("reset:" + std::string(opening.reset));
        }
    }
    void refuse(Stream&) override { note("refuse"); }
    void deliver(Stream&, const Batch& batch, const Place&) override {
        for (size_t i = 0; i < batch.count; ++i) {
            note("deliver:" + formatLogId(batch.first[i].id));
        }
    }
    void whisper(Stream&, const Entry& entry) override {
        note("whisper:" + entry.events[0].type);
    }
    void reset(Stream&, const Place& place, std::string_view reason) override {
        note("reset:" + formatLogId(place.own.id) + ":" + std::string(reason));
    }
    bool busy(const Stream&) override { return busies; }
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
    ck_assert(bench.hub.find(kInbox) == nullptr);
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

// What a client that reads slowly is behind by waits in the log, not here.
START_TEST(theNextPageWaitsForTheClient) {
    Bench bench;
    Stream stream;
    bench.live(stream, 5);
    bench.announce(6, 7);
    bench.announce(7, 8);
    EXPECT_TEXT(bench.outlet.take(), "fetch:5-0");
    bench.outlet.busies = true;
    bench.fetched({5, 6});
    EXPECT_TEXT(bench.outlet.take(), "deliver:6-0");
    bench.announce(8, 9);
    bench.hub.taken(stream);  // not all of it yet
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.outlet.busies = false;
    bench.hub.taken(stream);
    bench.hub.taken(stream);
    EXPECT_TEXT(bench.outlet.take(), "fetch:6-0");
    bench.fetched({6, 7, 8, 9});
    EXPECT_TEXT(bench.outlet.take(), "deliver:7-0 deliver:8-0 deliver:9-0");
    bench.announce(9, 10);
    EXPECT_TEXT(bench.outlet.take(), "deliver:10-0");
}

START_TEST(aPauseEndsWithItsLogOrRedis) {
    Bench bench;
    Stream stream;
    bench.live(stream, 5);
    const auto pause = [&](uint64_t at) {
        bench.outlet.busies = false;
        bench.announce(at + 1, at + 2);
        bench.outlet.busies = true;
        bench.fetched({at, at + 1});
        bench.outlet.take();
    };
    pause(5);
    bench.tick(Hub::kRenewEvery);
    bench.renewed(7);
    EXPECT_TEXT(bench.outlet.take(), "renew");
    bench.tick(2 * Hub::kRenewEvery);
    bench.renewed(20, true);
    EXPECT_TEXT(bench.outlet.take(), "renew reset:20-0:gap");
    pause(20);
    bench.hub.redisDown();
    bench.outlet.busies = false;
    bench.hub.taken(stream);
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.hub.redisUp(kRun);
    bench.hub.work(100);
    bench.hub.subscribed(kInbox);
    bench.hub.work(100);
    bench.renewed(22);
    EXPECT_TEXT(bench.outlet.take(), "subscribe renew fetch:21-0");
    pause(21);
    bench.hub.remove(stream);
    bench.hub.taken(stream);
    EXPECT_TEXT(bench.outlet.take(), "unsubscribe");
}

START_TEST(aPageEndsByItsBytes) {
    std::vector<Entry> entries = entriesOf({5, 6, 7, 8, 9});
    for (Entry& entry : entries) {
        entry.events[0].data.assign(Hub::kPageBytes / 2, 'x');
    }
    Bench bench;
    Stream live;
    bench.live(live, 5);
    bench.announce(8, 9);
    bench.hub.fetched(bench.outlet.fetching, &entries);
    EXPECT_TEXT(bench.outlet.take(), "fetch:5-0 deliver:6-0 deliver:7-0 fetch:7-0");
    entries[3].events[0].data.assign(2 * Hub::kPageBytes, 'x');
    entries.erase(entries.begin(), entries.begin() + 2);
    bench.hub.fetched(bench.outlet.fetching, &entries);
    EXPECT_TEXT(bench.outlet.take(), "deliver:8-0 fetch:8-0");

    Stream back;
    bench.hub.add(back, kInbox, cursorText(kRun, {7, 0}), 0);
    bench.renewed(9);
    bench.outlet.take();
    bench.hub.fetched(bench.outlet.fetching, &entries);
    EXPECT_TEXT(bench.outlet.take(), "open:7-0:resumed +8-0 fetch:8-0");
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
    bench.hub.announced(kInbox, {}, {});  // a loss of which nobody knows the events
    bench.renewed(10, true);
    EXPECT_TEXT(bench.outlet.take(), "renew reset:10-0:gap");
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
    ck_assert(bench.hub.find(kInbox) == nullptr);
    bench.hub.add(stream, kInbox, "", 0);
    bench.hub.remove(stream);
    bench.hub.redisDown();
    ck_assert(bench.hub.find(kInbox) == nullptr);
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

// --- What stands in no log

START_TEST(whispers) {
    Bench bench;
    Stream stream;
    const Entry typing{{}, {{"typing", "{}"}}};
    bench.hub.whispered(kInbox, typing);
    bench.hub.add(stream, kInbox, "", 0);
    bench.hub.whispered(kInbox, typing);
    EXPECT_TEXT(bench.outlet.take(), "subscribe");  // it is not live yet
    bench.hub.subscribed(kInbox);
    bench.renewed(5);
    bench.outlet.take();
    bench.hub.whispered(kInbox, typing);
    EXPECT_TEXT(bench.outlet.take(), "whisper:typing");
    bench.announce(5, 6);
    EXPECT_TEXT(bench.outlet.take(), "deliver:6-0");  // no position moved
    bench.announce(7, 8);
    EXPECT_TEXT(bench.outlet.take(), "fetch:6-0");
    bench.hub.whispered(kInbox, typing);
    EXPECT_TEXT(bench.outlet.take(), "");  // it is behind
    bench.fetched({6, 7, 8});
    bench.outlet.take();
    bench.hub.whispered(kInbox, typing);
    EXPECT_TEXT(bench.outlet.take(), "whisper:typing");
    bench.hub.remove(stream);
}

}  // namespace

Suite* hubSuite() {
    return suiteOf(
        "hub",
        {whispers, opensAfterConfirmationAndRenewal,
         anAnnouncementThatIsAheadOfTheRenewal, announcementsThatAreBehind,
         aGapIsReadAgain, theNextPageWaitsForTheClient, aPauseEndsWithItsLogOrRedis,
         aPageEndsByItsBytes, aGapThatCannotBeRead, aLogThatNobodyKeeps,
         renewalsFindWhatWasNotAnnounced, aRenewalThatIsOlderThanAnAnnouncement,
         aRenewalThatFails, resumes, losesItsLogWhileItReplays, redisGoesAndComesBack,
         subscriptionsAlternate, aQueueThatIsFull, inboxKeys});
}

}  // namespace messaging::unit
