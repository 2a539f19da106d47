// The stores' contract for what changes and not upwards only: the conversation's word,
// its copies, and lists that are filtered by them.
#include <set>

#include "t/unit/store_data.hpp"

namespace messaging::unit {
namespace {

START_TEST(changesOfAConversation) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    Conversation first = conversationOf("c", {"ann", "bob"});
    first.context = {"product", "7"};
    opened(*store, {first, conversationOf("d", {"ann", "bob"})});
    const auto read = [&](const std::string& id) {
        return *taken(store->conversation({kSite, id}));
    };
    const auto changed = [&](uint64_t from, const Conversation& to) {
        bool done = false;
        batch(*store, {to.id}, [&] { done = taken(store->change(from, to)); });
        return done;
    };
    Conversation to = read("c");
    ck_assert(!to.closed && to.archived.empty() && to.changes.empty());
    ck_assert_uint_eq(to.rev + to.closedSeq, 0);
    to.closed = true;
    to.closedSeq = 4;
    to.subject = "$subject";
    to.archived = {"ann", "bob"};
    to.rev = 2;
    to.changes = {"0123456789abcdef", "fedcba9876543210"};
    ck_assert(!changed(1, to));
    ck_assert(changed(0, to));
    ck_assert(!changed(0, to));  // it is 2 by now
    const Conversation stored = read("c");
    ck_assert(stored.closed && stored.archived == to.archived);
    ck_assert(stored.changes == to.changes);
    ck_assert_uint_eq(stored.rev, 2);
    ck_assert_uint_eq(stored.closedSeq, 4);
    EXPECT_TEXT(stored.subject + stored.context.id, "$subject7");
    to.closed = false;
    to.archived = {"bob"};
    to.subject.clear();
    to.rev = 3;
    ck_assert(changed(2, to));
    const Conversation again = read("c");
    ck_assert(!again.closed && again.archived == to.archived);
    EXPECT_TEXT(again.subject, "");
    ck_assert_uint_eq(again.closedSeq, 4);
    ck_assert_uint_eq(read("d").rev, 0);
    ck_assert_uint_eq(
        taken(store->load({{kSite, "c"}})).begin()->second.conversation.rev, 3);
}

// What a list is filtered by is the conversation's newest word, whatever comes late.
START_TEST(copiesRiseWithRev) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    const auto put = [&](uint64_t lastSeq, uint64_t rev, bool closed, bool archived) {
        Membership to = membershipOf("c", "ann", lastSeq, 0, 0, 0);
        to.rev = rev;
        to.closed = closed;
        to.archived = archived;
        raised(*store, {to});
        const Membership found = only(*store, "c", "ann");
        return std::to_string(found.lastSeq) + " " + std::to_string(found.rev) +
               (found.closed ? " closed" : "") + (found.archived ? " archived" : "");
    };
    EXPECT_TEXT(put(1, 0, false, false), "1 0");
    EXPECT_TEXT(put(1, 2, true, false), "1 2 closed");
    EXPECT_TEXT(put(2, 1, false, true), "2 2 closed");
    EXPECT_TEXT(put(1, 3, true, true), "2 3 closed archived");
    EXPECT_TEXT(put(3, 3, false, false), "3 3 closed archived");
    EXPECT_TEXT(put(3, 4, false, false), "3 4");
    const Membership read = only(*store, "c", "ann");
    Membership right = read;
    right.rev = 5;
    right.archived = true;
    ck_assert(taken(store->exchange(read, right)));
    ck_assert(!taken(store->exchange(read, right)));
    ck_assert(only(*store, "c", "ann").archived);
}

START_TEST(filteredLists) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    // By letter: a closed, b archived, c about product 7, d about product 8, all
    // unread; e of the other kind of everything, f as a and b.
    std::vector<Conversation> conversations;
    std::vector<Membership> rows;
    for (const char letter : std::string("abcdef")) {
        const std::string id(1, letter);
        conversations.push_back(conversationOf(id, {"ann", "bob"}));
        Membership row = membershipOf(id, "ann", 1, 0, letter == 'e' ? 1 : 0, 0);
        row.activity = static_cast<uint64_t>(letter);
        row.rev = 1;
        row.closed = letter == 'a' || letter == 'f';
        row.archived = letter == 'b' || letter == 'f';
        if (letter == 'c' || letter == 'd') {
            row.context = {"product", letter == 'c' ? "7" : "8"};
            conversations.back().context = row.context;
        }
        rows.push_back(row);
    }
    opened(*store, conversations);
    raised(*store, rows);
    raised(*store, {membershipOf("g", "ann", 1, 1, 1, 1)});  // never changed, all read
    const auto listed = [&](const ListFilter& filter,
                            std::optional<worker::ListPlace> below = {},
                            unsigned limit = 50) {
        std::string ids;
        for (const auto& one :
             taken(store->list(kSite, "ann", {below, {}, limit, filter}))) {
            ids += one.conversation;
        }
        return ids;
    };
    ListFilter filter;
    EXPECT_TEXT(listed(filter), "gfedcba");
    filter.closed = true;
    EXPECT_TEXT(listed(filter), "fa");
    filter.archived = true;
    EXPECT_TEXT(listed(filter), "f");
    filter = {};
    filter.closed = false;
    EXPECT_TEXT(listed(filter), "gedcb");
    filter.archived = false;
    EXPECT_TEXT(listed(filter), "gedc");
    EXPECT_TEXT(listed(filter, worker::ListPlace{'d', "d"}), "c");
    EXPECT_TEXT(listed(filter, {}, 2), "ge");
    filter = {};
    filter.unread = true;
    EXPECT_TEXT(listed(filter), "fdcba");
    filter.unread = false;
    EXPECT_TEXT(listed(filter), "ge");
    filter = {};
    filter.context.type = "product";
    EXPECT_TEXT(listed(filter), "dc");
    filter.context.id = "7";
    EXPECT_TEXT(listed(filter), "c");
    filter.unread = false;
    EXPECT_TEXT(listed(filter), "");
}

START_TEST(aliases) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    Conversation old = conversationOf("old", {"ann", "bob"});
    old.forward = old.id;
    const Conversation alias = aliasOf(old, "derived");
    const auto insert = [&](const std::vector<Conversation>& all) {
        bool absent = false;
        batch(*store, {}, [&] { absent = taken(store->insertConversations(all)); });
        return absent;
    };
    ck_assert(insert({conversationOf("c", {"ann", "eve"})}));
    ck_assert(insert({old, alias}));
    ck_assert(!insert({conversationOf("derived", {"ann", "bob"})}));
    ck_assert(!insert({aliasOf(old, "c"), conversationOf("d", {"ann", "bob"})}));
    const Conversation found = *taken(store->conversation({kSite, "derived"}));
    ck_assert(found.isAlias() && found.members.empty());
    EXPECT_TEXT(found.forward, "old");
    ck_assert(taken(store->conversation({kSite, "old"}))->hasAlias());
    const auto loaded = taken(store->load({{kSite, "derived"}, {kSite, "c"}}));
    ck_assert_uint_eq(loaded.size(), 2);
    ck_assert(loaded.at({kSite, "derived"}).conversation.isAlias());
    EXPECT_TEXT(loaded.at({kSite, "c"}).conversation.forward, "");
    std::set<std::string> walked;
    EXPECT_OK(store->eachConversation(
        [&](const ConversationRef& ref) { return walked.insert(ref.id).second; }));
    ck_assert(walked == std::set<std::string>({"c", "d", "old"}));
}

}  // namespace

Suite* store_changeSuite() {
    return suiteOverPlaces("store_change", {changesOfAConversation, copiesRiseWithRev,
                                            filteredLists, aliases});
}

}  // namespace messaging::unit
