// Tests for presence: what is told, and when.
#include "ngx_module/core/presence.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using core::Person;
using core::Presence;

const Person kAnn{"shop", "ann"};
const Person kBob{"shop", "bob"};

std::string told(Presence& presence, uint64_t now, size_t most = 10) {
    std::string all;
    for (const auto& news : presence.take(now, most)) {
        all += (all.empty() ? "" : " ") + news.person.user + (news.here ? "+" : "-");
    }
    return all;
}

START_TEST(comesAndGoes) {
    Presence presence;
    EXPECT_TEXT(told(presence, 0), "");
    presence.come(kAnn, 1000);
    presence.come(kAnn, 1001);
    EXPECT_TEXT(told(presence, 1001), "ann+");
    EXPECT_TEXT(told(presence, 2000), "");
    presence.go(kAnn, 3000);
    EXPECT_TEXT(told(presence, 3000 + Presence::kGrace), "");  // one is left
    presence.go(kAnn, 9000);
    EXPECT_TEXT(told(presence, 9000 + Presence::kGrace - 1), "");
    EXPECT_TEXT(told(presence, 9000 + Presence::kGrace), "ann-");
    ck_assert(presence.empty());
    presence.go(kAnn, 99000);  // nobody's
    EXPECT_TEXT(told(presence, 999000), "");
}

START_TEST(turnsAPage) {
    Presence presence;
    presence.come(kAnn, 0);
    EXPECT_TEXT(told(presence, 0), "ann+");
    presence.go(kAnn, 100);
    presence.come(kAnn, 200);
    EXPECT_TEXT(told(presence, 100 + Presence::kGrace), "ann+");
    presence.go(kAnn, 6000);
    EXPECT_TEXT(told(presence, 6000 + Presence::kGrace), "ann-");
}

START_TEST(isThereStill) {
    Presence presence;
    presence.come(kAnn, 0);
    presence.come(kBob, 10);
    EXPECT_TEXT(told(presence, 10, 1), "ann+");
    EXPECT_TEXT(told(presence, 10, 1), "bob+");
    EXPECT_TEXT(told(presence, limits::kPresenceMilliseconds + 9), "");
    EXPECT_TEXT(told(presence, limits::kPresenceMilliseconds + 10), "ann+ bob+");
    presence.go(kBob, limits::kPresenceMilliseconds + 20);
    presence.forgotten(limits::kPresenceMilliseconds + 30);
    EXPECT_TEXT(told(presence, limits::kPresenceMilliseconds + 30), "ann+");
    EXPECT_TEXT(told(presence, limits::kPresenceMilliseconds + 20 + Presence::kGrace),
                "bob-");
}

}  // namespace

Suite* presenceSuite() {
    return suiteOf("presence", {comesAndGoes, turnsAPage, isThereStill});
}

}  // namespace messaging::unit
