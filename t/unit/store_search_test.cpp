// The stores' contract on searches: the same is found whether it is in the index of
// words already or not, in one's own conversations only, newest first.
#include <algorithm>
#include <chrono>

#include "t/unit/store_data.hpp"

namespace messaging::unit {
namespace {

using worker::Hits;
using worker::SearchRange;

Message said(const std::string& conversation, uint64_t seq, uint64_t at,
             const std::string& content) {
    Message message =
        messageOf(conversation, seq, "ann", seq, conversation + std::to_string(seq));
    message.content = content;
    message.createdAt = 1700000000000 + at;
    return message;
}

struct Looker {
    Store& store;

    Hits hits(const std::string& member, const std::string& q, const std::string& below,
              unsigned limit) {
        SearchRange range;
        range.words = worker::wantedWords(q);
        range.below = below;
        range.limit = limit;
        return taken(store.search(kSite, {member}, range));
    }
    // "CONVERSATION SEQ, …", in pages of so many.
    std::string find(const std::string& member, const std::string& q,
                     unsigned limit = 100) {
        std::string all, below;
        for (;;) {
            const Hits found = hits(member, q, below, limit);
            ck_assert(found.complete);
            for (const auto& hit : found.hits) {
                all += (all.empty() ? "" : ", ") + hit.message.conversation +
                       std::to_string(hit.message.seq);
                ck_assert(hit.place.find_first_not_of("0123456789abcdef-") ==
                          std::string::npos);
                below = hit.place;
            }
            if (found.hits.size() < limit) {
                return all;
            }
        }
    }
    void indexAll() {
        for (int round = 0; round < 1000; ++round) {
            if (taken(store.index(2)) == 0) {
                return;
            }
        }
        ck_abort_msg("the index is never ready");
    }
};

void fill(Store& store) {
    Conversation crowd = conversationOf("g", {"ann", "bob", "eve", "team:admin"});
    opened(store, {conversationOf("a", {"ann", "bob"}),
                   conversationOf("b", {"ann", "eve"}), crowd});
    inserted(store,
             {said("a", 1, 10, "Le Ch\u00e2teau est \u00e0 vendre"),
              said("b", 1, 20, "the CHATEAU, with a garden"),
              said("a", 2, 30, "garden"), said("g", 1, 5, "ch\u00e2teaux"),
              said("a", 3, 30, "a garden's chateau"), said("g", 2, 40, "sch\u00f6n")});
}

void expectAll(Store& store) {
    Looker look{store};
    EXPECT_TEXT(look.find("ann", "chateau"), "a3, b1, a1, g1");
    EXPECT_TEXT(look.find("ann", "chateau", 1), "a3, b1, a1, g1");
    EXPECT_TEXT(look.find("ann", "ch\u00c2teau ", 3), "a3, b1, a1, g1");
    EXPECT_TEXT(look.find("bob", "chateau"), "a3, a1, g1");
    EXPECT_TEXT(look.find("eve", "chateau"), "b1, g1");
    EXPECT_TEXT(look.find("team:admin", "chateau"), "g1");
    EXPECT_TEXT(look.find("ann", "garden chateau"), "a3, b1");
    EXPECT_TEXT(look.find("ann", "chateau gar"), "a3, b1");
    EXPECT_TEXT(look.find("ann", "chateau ga"), "");
    EXPECT_TEXT(look.find("ann", "a"), "a3, b1, a1");
    EXPECT_TEXT(look.find("ann", "chateau OR schon"), "");
    EXPECT_TEXT(look.find("ann", "\"chateau\" -garden"), "a3, b1");
    EXPECT_TEXT(look.find("ann", "schoen"), "");
    EXPECT_TEXT(look.find("ann", "_1"), "");
    EXPECT_TEXT(look.find("mallory", "chateau"), "");
    SearchRange range;
    range.words = worker::wantedWords("chateau");
    ck_assert(taken(store.search("other", {"ann"}, range)).hits.empty());
    ck_assert_uint_eq(taken(store.search(kSite, {"bob", "eve"}, range)).hits.size(), 4);
    ck_assert(taken(store.search(kSite, {}, range)).hits.empty());
}

START_TEST(foundAtOnce) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    fill(*store);
    expectAll(*store);
    Looker look{*store};
    ck_assert_uint_eq(taken(store->index(4)), 4);
    expectAll(*store);  // a part
    look.indexAll();
    expectAll(*store);
    ck_assert_uint_eq(taken(store->index(4)), 0);
    const auto found = look.hits("ann", "vendre", "", 1);
    ck_assert_uint_eq(found.hits.size(), 1);
    const Message& message = found.hits.front().message;
    EXPECT_TEXT(message.site + message.content + message.sender,
                kSite + "Le Ch\u00e2teau est \u00e0 vendre" + "ann");
}

START_TEST(pagesWhileMessagesCome) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    fill(*store);
    Looker look{*store};
    const auto first = look.hits("ann", "chateau", "", 2);
    ck_assert_uint_eq(first.hits.size(), 2);
    inserted(*store, {said("a", 4, 50, "chateau again")});
    look.indexAll();
    const auto second = look.hits("ann", "chateau", first.hits.back().place, 9);
    ck_assert_uint_eq(second.hits.size(), 2);
    EXPECT_TEXT(second.hits.front().message.content,
                "Le Ch\u00e2teau est \u00e0 vendre");
    EXPECT_TEXT(look.find("ann", "again"), "a4");
}

// Many of one millisecond, and times that come late.
START_TEST(equalTimes) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    opened(*store, {conversationOf("a", {"ann", "bob"})});
    std::vector<Message> messages;
    for (uint64_t seq = 1; seq <= 20; ++seq) {
        messages.push_back(said("a", seq, seq / 10, "again and again"));
    }
    inserted(*store, messages);
    Looker look{*store};
    const std::string fresh = look.find("bob", "again", 3);
    ck_assert_int_eq(std::count(fresh.begin(), fresh.end(), ','), 19);
    ck_assert_uint_eq(fresh.find("a20, a19, a18"), 0);
    look.indexAll();
    EXPECT_TEXT(look.find("bob", "again", 3), fresh);
}

// Two workers index one database; one dies at it.
START_TEST(indexedByTwo) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    const auto other = place->store();
    fill(*store);
    for (int round = 0; round < 8; ++round) {
        taken(store->index(1));
        taken(other->index(2));
    }
    expectAll(*store);
    fill(*place->store());  // duplicates all: nothing new
    Looker{*other}.indexAll();
    expectAll(*other);
}

START_TEST(olderDatabasesAreIndexed) {
    const auto place = makePlace(_i);
    fill(*place->store());
    place->withoutIndex();
    const auto store = place->store();
    inserted(*store, {said("a", 4, 60, "quite new")});
    Looker look{*store};
    EXPECT_TEXT(look.find("ann", "quite"), "a4");
    for (int round = 0; round < 9; ++round) {
        taken(store->index(2));
    }
    expectAll(*store);
    EXPECT_TEXT(look.find("ann", "quite"), "a4");
    ck_assert_uint_eq(place->storedVersion(), place->version());
}

START_TEST(timeIsBounded) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    fill(*store);
    SearchRange range;
    range.words = worker::wantedWords("chateau");
    range.patience = std::chrono::milliseconds(0);
    const Hits none = taken(store->search(kSite, {"ann"}, range));
    ck_assert(!none.complete || none.hits.size() == 4);
    EXPECT_TEXT(Looker{*store}.find("ann", "vendre"), "a1");
}

START_TEST(foreignPlaces) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    fill(*store);
    for (const char* below : {"x", "-1", "1 OR 1", "99999999999999999999", "1-",
                              "1-0123456789abcdef0123456g", "-0123456789abcdef01234567",
                              "1-0123456789abcdef012345678"}) {
        SearchRange range;
        range.words = worker::wantedWords("chateau");
        range.below = below;
        const auto found = store->search(kSite, {"ann"}, range);
        EXPECT_FAILURE(found.status(), Code::InvalidCursor, "cursor");
    }
}

}  // namespace

Suite* store_searchSuite() {
    return suiteOverPlaces(
        "store_search", {foundAtOnce, pagesWhileMessagesCome, equalTimes, indexedByTwo,
                         olderDatabasesAreIndexed, timeIsBounded, foreignPlaces});
}

}  // namespace messaging::unit
