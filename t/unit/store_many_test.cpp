// The stores' contract where several are asked for or told at once: hints of users, the
// newest messages and memberships of many conversations.
#include "t/unit/store_data.hpp"

namespace messaging::unit {
namespace {

// A hint is for those only of whom nothing is known.
START_TEST(hintedUsers) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    const auto nameOf = [&](const std::string& id) {
        const auto found = taken(store->users(kSite, {id}));
        return found.empty() ? "-" : found[0].role + ' ' + found[0].name;
    };
    batch(*store, {}, [&] {
        EXPECT_OK(store->putUsers({{kSite, "ann", "buyer", "Ann"}}));
        EXPECT_OK(store->hintUsers({{kSite, "ann", "x", "X"},
                                    {kSite, "bob", "seller", "B"},
                                    {"other", "bob", "y", "Y"}}));
    });
    EXPECT_TEXT(nameOf("ann"), "buyer Ann");
    EXPECT_TEXT(nameOf("bob"), "seller B");
    batch(*store, {}, [&] { EXPECT_OK(store->hintUsers({{kSite, "bob", "z", "Z"}})); });
    EXPECT_TEXT(nameOf("bob"), "seller B");
    // A sign-in that says no name leaves the one there is.
    batch(*store, {}, [&] {
        EXPECT_OK(
            store->putUsers({{kSite, "bob", "guest", ""}, {kSite, "cat", "", ""}}));
    });
    EXPECT_TEXT(nameOf("bob"), "guest B");
    EXPECT_TEXT(nameOf("cat"), " ");
    batch(*store, {}, [&] {
        EXPECT_OK(store->putUsers({{kSite, "bob", "admin", "Bob"}}));
    });
    EXPECT_TEXT(nameOf("bob"), "admin Bob");
}

// Of several conversations at once, more than one round trip takes.
START_TEST(newestOfMany) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    std::vector<ConversationRef> refs = {{kSite, "absent"}};
    for (int n = 1; n <= 20; ++n) {
        const std::string id = "c" + std::to_string(n);
        refs.push_back({kSite, id});
        inserted(*store, {messageOf(id, 1, "ann", 1, "1"),
                          messageOf(id, 2, "bob", 1, "of " + id)});
        batch(*store, {id}, [&] {
            EXPECT_OK(store->raise({membershipOf(id, "ann", 2, 1, 0, 0),
                                    membershipOf(id, "bob", 2, 1, 2, 1)}));
        });
    }
    inserted(*store, {messageOf("other", 1, "ann", 1, "1")});
    const auto newest = taken(store->newest(refs));
    ck_assert_uint_eq(newest.size(), 20);
    for (const Message& message : newest) {
        ck_assert_uint_eq(message.seq, 2);
        EXPECT_TEXT(message.content, "text of of " + message.conversation);
    }
    const auto memberships = taken(store->membershipsOf(refs));
    ck_assert_uint_eq(memberships.size(), 40);
    for (const Membership& membership : memberships) {
        ck_assert_uint_eq(membership.readSeq, membership.member == "bob" ? 2 : 0);
    }
    ck_assert(taken(store->newest({})).empty());
    ck_assert(taken(store->membershipsOf({})).empty());
}

}  // namespace

Suite* store_manySuite() {
    return suiteOverPlaces("store_many", {hintedUsers, newestOfMany});
}

}  // namespace messaging::unit
