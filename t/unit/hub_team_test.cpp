// Tests for the hub's streams over two logs: one stream to its client, two legs to
// their logs. hub_loss_test.cpp has them among all others.
#include "ngx_module/core/hub.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using namespace messaging::core;

constexpr std::string_view kRun = "0123456789abcdef";
const InboxKey kOwn = {1, 2};
const InboxKey kTeam = {0x1122334455667788, 4};

std::string wordOf(const Cursor& cursor) {
    return std::to_string(cursor.id.milliseconds) +
           (cursor.events == 0 ? "" : "." + std::to_string(cursor.events));
}

// "OWN/TEAM"
std::string wordOf(const Place& place) {
    ck_assert(place.tag == kTeam.high);
    return wordOf(place.own) + '/' + wordOf(place.team);
}

// Writes down what it is asked for; of the team's log with a capital.
struct Recorder : Hub::Outlet {
    std::string log;
    uint64_t renewal[2] = {0, 0};
    uint64_t fetching[2] = {0, 0};
    bool busies = false;

    void note(const std::string& word) { log += (log.empty() ? "" : " ") + word; }
    std::string take() {
        std::string taken;
        taken.swap(log);
        return taken;
    }
    static bool isTeam(const InboxKey& inbox) { return inbox == kTeam; }

    void subscribe(const InboxKey& inbox) override {
        note(isTeam(inbox) ? "Subscribe" : "subscribe");
    }
    void unsubscribe(const InboxKey& inbox) override {
        note(isTeam(inbox) ? "Unsubscribe" : "unsubscribe");
    }
    bool renew(const InboxKey& inbox, uint64_t ticket) override {
        renewal[isTeam(inbox) ? 1 : 0] = ticket;
        note(isTeam(inbox) ? "Renew" : "renew");
        return true;
    }
    bool fetch(const InboxKey& inbox, const LogId& from, uint64_t ticket) override {
        fetching[isTeam(inbox) ? 1 : 0] = ticket;
        note((isTeam(inbox) ? "Fetch:" : "fetch:") + std::to_string(from.milliseconds));
        return true;
    }
    void give(const Batch& batch) {
        for (size_t i = 0; i < batch.count; ++i) {
            note((batch.team ? "T" : "o") +
                 std::to_string(batch.first[i].id.milliseconds) +
                 (i == 0 && batch.skip > 0 ? "-" + std::to_string(batch.skip) : ""));
        }
    }
    void open(Stream&, const Opening& opening) override {
        note("open:" + wordOf(opening.place) + (opening.resumed ? ":resumed" : ""));
        give(opening.missed);
        give(opening.missedTeam);
        if (!opening.reset.empty()) {
            note("reset:" + std::string(opening.reset));
        }
    }
    void refuse(Stream&) override { note("refuse"); }
    void deliver(Stream&, const Batch& batch, const Place& place) override {
        give(batch);
        note("at:" + wordOf(place));
    }
    void whisper(Stream&, const Entry&) override {}
    void reset(Stream&, const Place& place, std::string_view reason) override {
        note("reset:" + wordOf(place) + ":" + std::string(reason));
    }
    bool busy(const Stream&) override { return busies; }
};

struct Bench {
    Recorder outlet;
    Hub hub{outlet};
    Stream stream;

    Bench() { hub.redisUp(kRun); }

    void announce(const InboxKey& inbox, uint64_t previous, uint64_t id) {
        const Entry entry{{id, 0}, {{"message", "{}"}}};
        hub.announced(inbox, {previous, 0}, entry);
    }
    void renewed(const InboxKey& inbox, uint64_t last, bool made = false) {
        hub.renewed(inbox, outlet.renewal[inbox == kTeam ? 1 : 0],
                    Hub::Renewal{{last, 0}, made});
    }
    void fetched(const InboxKey& inbox, std::initializer_list<uint64_t> ids) {
        std::vector<Entry> entries;
        for (const uint64_t id : ids) {
            entries.push_back({{id, 0}, {{"message", "{}"}, {"unread", "{}"}}});
        }
        hub.fetched(outlet.fetching[inbox == kTeam ? 1 : 0], &entries);
    }
    void add(std::string_view lastEventId = {}) {
        hub.add(stream, kOwn, kTeam, lastEventId, 0);
        hub.subscribed(kOwn);
        hub.subscribed(kTeam);
        outlet.take();
    }
    void live(uint64_t own, uint64_t team) {
        add();
        renewed(kOwn, own);
        renewed(kTeam, team);
        outlet.take();
    }
};

std::string cursorText(const Cursor& own, const Cursor& team) {
    std::string text;
    appendPlace(text, kRun, {own, team, kTeam.high});
    return text;
}

START_TEST(opensWhenBothCan) {
    Bench bench;
    bench.hub.add(bench.stream, kOwn, kTeam, "", 0);
    EXPECT_TEXT(bench.outlet.take(), "subscribe Subscribe");
    bench.hub.subscribed(kOwn);
    bench.renewed(kOwn, 5);
    EXPECT_TEXT(bench.outlet.take(), "renew");
    bench.announce(kOwn, 5, 6);  // before there is a `hello`
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.hub.subscribed(kTeam);
    bench.renewed(kTeam, 50);
    EXPECT_TEXT(bench.outlet.take(), "Renew open:5/50 fetch:5");
    bench.fetched(kOwn, {5, 6});
    EXPECT_TEXT(bench.outlet.take(), "o6 at:6/50");
    bench.announce(kTeam, 50, 51);
    bench.announce(kOwn, 6, 7);
    EXPECT_TEXT(bench.outlet.take(), "T51 at:6/51 o7 at:7/51");
    bench.hub.remove(bench.stream);
    EXPECT_TEXT(bench.outlet.take(), "Unsubscribe unsubscribe");
    ck_assert(bench.hub.find(kOwn) == nullptr && bench.hub.find(kTeam) == nullptr);
}

START_TEST(resumesIfBothDo) {
    {
        Bench bench;
        bench.add(cursorText({{5, 0}, 1}, {{50, 0}, 0}));
        bench.renewed(kOwn, 6);
        bench.renewed(kTeam, 50);
        EXPECT_TEXT(bench.outlet.take(), "fetch:5");
        bench.fetched(kOwn, {5, 6});
        EXPECT_TEXT(bench.outlet.take(), "open:5.1/50:resumed o5-1 o6");
        bench.announce(kTeam, 50, 51);
        EXPECT_TEXT(bench.outlet.take(), "T51 at:6/51");
    }
    {
        Bench bench;  // the team's entry is gone
        bench.add(cursorText({{5, 0}, 0}, {{50, 0}, 0}));
        bench.renewed(kOwn, 6);
        bench.renewed(kTeam, 60);
        bench.fetched(kOwn, {5, 6});
        EXPECT_TEXT(bench.outlet.take(), "fetch:5 Fetch:50");
        bench.fetched(kTeam, {55, 60});
        EXPECT_TEXT(bench.outlet.take(), "open:6/60 reset:gap");
    }
    for (const std::string& foreign :
         {std::string("0123456789abcdef.5-0"), std::string("nonsense"),
          cursorText({{5, 0}, 0}, {{50, 0}, 0}) + "0-1"}) {
        Bench bench;
        bench.add(foreign);
        bench.renewed(kOwn, 5);
        bench.renewed(kTeam, 50);
        EXPECT_TEXT(bench.outlet.take(), "open:5/50 reset:foreign");
    }
}

// A loss while a leg waits for the other, and one of either later.
START_TEST(aLossOfEither) {
    Bench bench;
    bench.add(cursorText({{5, 0}, 0}, {{50, 0}, 0}));
    bench.renewed(kOwn, 5);
    bench.announce(kOwn, 0, 0);
    bench.renewed(kOwn, 8, true);
    EXPECT_TEXT(bench.outlet.take(), "renew");
    bench.renewed(kTeam, 50);
    EXPECT_TEXT(bench.outlet.take(), "open:8/50 reset:gap");

    bench.announce(kTeam, 0, 0);
    bench.announce(kOwn, 8, 9);  // nobody resumes where the team's log is lost
    EXPECT_TEXT(bench.outlet.take(), "Renew o9 at:9/0");
    bench.renewed(kTeam, 70, true);
    EXPECT_TEXT(bench.outlet.take(), "reset:9/70:gap");
    bench.announce(kTeam, 70, 71);
    EXPECT_TEXT(bench.outlet.take(), "T71 at:9/71");
    bench.hub.garbled(kOwn);
    bench.renewed(kOwn, 9);
    EXPECT_TEXT(bench.outlet.take(), "renew reset:9/71:gap");
}

START_TEST(oneLogAtATime) {
    Bench bench;
    bench.live(5, 50);
    bench.announce(kOwn, 6, 7);
    bench.announce(kTeam, 51, 52);
    EXPECT_TEXT(bench.outlet.take(), "fetch:5");
    bench.outlet.busies = true;
    bench.fetched(kOwn, {5, 6, 7});
    EXPECT_TEXT(bench.outlet.take(), "o6 o7 at:7/50");
    bench.outlet.busies = false;
    bench.hub.taken(bench.stream);
    EXPECT_TEXT(bench.outlet.take(), "Fetch:50");
    bench.announce(kOwn, 8, 9);
    EXPECT_TEXT(bench.outlet.take(), "");
    bench.fetched(kTeam, {50, 51, 52});  // at once, where the client took all
    EXPECT_TEXT(bench.outlet.take(), "T51 T52 at:7/52 fetch:7");
}

START_TEST(refusedAndRemovedAsOne) {
    Bench bench;
    bench.add();
    bench.renewed(kOwn, 5);
    bench.hub.renewed(kTeam, bench.outlet.renewal[1], std::nullopt);
    EXPECT_TEXT(bench.outlet.take(), "refuse");
    bench.hub.remove(bench.stream);
    ck_assert(bench.hub.find(kOwn) == nullptr && bench.hub.find(kTeam) == nullptr);

    bench.stream = Stream();
    bench.add(cursorText({{5, 0}, 0}, {{50, 0}, 0}));
    bench.renewed(kOwn, 6);
    bench.hub.redisDown();
    EXPECT_TEXT(bench.outlet.take(), "fetch:5 refuse");
    bench.hub.remove(bench.stream);
    // Others who follow the team stay.
    Bench two;
    two.live(5, 50);
    Stream other;
    two.hub.add(other, {7, 7}, kTeam, "", 0);
    two.hub.subscribed({7, 7});
    two.renewed({7, 7}, 1);
    two.renewed(kTeam, 50);
    two.outlet.take();
    two.hub.remove(two.stream);
    EXPECT_TEXT(two.outlet.take(), "unsubscribe");
    two.announce(kTeam, 50, 51);
    EXPECT_TEXT(two.outlet.take(), "T51 at:1/51");
    two.hub.remove(other);
}

}  // namespace

Suite* hub_teamSuite() {
    return suiteOf("hub_team", {opensWhenBothCan, resumesIfBothDo, aLossOfEither,
                                oneLogAtATime, refusedAndRemovedAsOne});
}

}  // namespace messaging::unit
