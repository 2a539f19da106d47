// Tests for revocations: which tokens they are about, that none is forgotten before its
// time, and their bytes, hostile ones too.
#include "ngx_module/core/revocation.hpp"

#include "schema/limits.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using core::concerns;
using core::Revocations;
using core::sessionMark;
using core::SignIn;

Revocation revocation(std::string user, std::string session, uint64_t at,
                      uint64_t until) {
    return {"shop", std::move(user), std::move(session), at, until};
}

START_TEST(refusesWhatWasIssuedBefore) {
    Revocations known(8);
    ck_assert(!known.refuses({"shop", "alice", "", 0}, 100));
    ck_assert(known.add(revocation("alice", "", 100, 1000), 100));
    const struct {
        SignIn who;
        uint64_t now;
        bool refused;
    } kRows[] = {
        {{"shop", "alice", "", 99}, 101, true},
        {{"shop", "alice", "", 100}, 101, true},
        {{"shop", "alice", "", 101}, 101, false},
        {{"shop", "alice", "", 0}, 101, true},
        {{"shop", "alice", "s1", 99}, 101, true},
        {{"shop", "alice", "", 99}, 999, true},
        {{"shop", "alice", "", 99}, 1000, false},
        {{"shop", "bob", "", 99}, 101, false},
        {{"other", "alice", "", 99}, 101, false},
        {{"shop", "", "alice", 99}, 101, false},
        {{"shop", "alice\n", "", 99}, 101, false},
    };
    for (const auto& row : kRows) {
        EXPECT_FOR(known.refuses(row.who, row.now) == row.refused,
                   std::string(row.who.user) + " " + std::to_string(row.who.issued));
    }
}

START_TEST(refusesOneSession) {
    Revocations known(8);
    const Revocation one = revocation("alice", "s1", 100, 1000);
    ck_assert(known.add(one, 100));
    const struct {
        SignIn who;
        bool refused;
    } kRows[] = {
        {{"shop", "alice", "s1", 99}, true},  {{"shop", "alice", "s1", 101}, false},
        {{"shop", "alice", "s2", 99}, false}, {{"shop", "alice", "", 99}, false},
        {{"shop", "bob", "s1", 99}, false},
    };
    for (const auto& row : kRows) {
        EXPECT_FOR(known.refuses(row.who, 200) == row.refused, row.who.session);
    }
    // As a stream of alice's is judged.
    ck_assert(concerns(one, sessionMark("s1"), 100));
    ck_assert(!concerns(one, sessionMark("s1"), 101));
    ck_assert(!concerns(one, sessionMark("s2"), 99));
    ck_assert(!concerns(one, sessionMark(""), 0));
    const Revocation all = revocation("alice", "", 100, 1000);
    for (const char* session : {"", "s1", "s2"}) {
        EXPECT_FOR(concerns(all, sessionMark(session), 100), session);
        EXPECT_FOR(concerns(all, sessionMark(session), 0), session);
        EXPECT_FOR(!concerns(all, sessionMark(session), 101), session);
    }
}

START_TEST(timesOnlyRise) {
    Revocations known(8);
    ck_assert(known.add(revocation("alice", "", 100, 1000), 1));
    ck_assert(known.add(revocation("alice", "", 50, 2000), 1));
    ck_assert(known.refuses({"shop", "alice", "", 100}, 1500));
    ck_assert(known.add(revocation("alice", "", 300, 500), 1));
    ck_assert(known.refuses({"shop", "alice", "", 300}, 1500));
    ck_assert_uint_eq(known.size(), 1);
}

START_TEST(bounded) {
    Revocations known(3);
    ck_assert(known.add(revocation("a", "", 1, 10), 1));
    ck_assert(known.add(revocation("b", "", 1, 20), 1));
    ck_assert(known.add(revocation("c", "", 1, 30), 1));
    ck_assert(!known.add(revocation("d", "", 1, 40), 1));
    ck_assert(known.add(revocation("c", "", 2, 30), 1));   // it is there already
    ck_assert(known.add(revocation("old", "", 1, 2), 2));  // over: nothing to keep
    ck_assert(known.add(revocation("d", "", 1, 40), 10));
    ck_assert(!known.refuses({"shop", "a", "", 1}, 10));
    ck_assert(known.refuses({"shop", "d", "", 1}, 10));
    ck_assert_uint_eq(known.size(), 3);
}

START_TEST(bytes) {
    for (const Revocation& one : {revocation("alice", "", 1, 2),
                                  revocation("жé 'x", "s\"1", 1767225600, 1e12)}) {
        ck_assert(validate(one).ok());
        const std::string name = revocationName(one.site, one.user, one.session);
        auto back = decodeRevocation(name, revocationTimes(one));
        ck_assert(back.ok());
        EXPECT_TEXT(revocationName(back->site, back->user, back->session), name);
        ck_assert(back->at == one.at && back->until == one.until);
        auto news = decodeRevocationNews("1 " + revocationTimes(one) + "\n" + name);
        ck_assert(news.ok() && news->revocation.has_value());
        EXPECT_TEXT(news->revocation->user, one.user);
        EXPECT_TEXT(news->revocation->session, one.session);
    }
    auto all = decodeRevocationNews("1");
    ck_assert(all.ok() && !all->revocation);
    for (const char* wrong :
         {"", "2", "1 ", "1 1", "1 1 2", "1 1 2\n", "1 1 2\nshop", "1 1 2\nshop\n",
          "1 2 1\nshop\nalice\n", "1 0 2\nshop\nalice\n", "1 x 2\nshop\nalice\n",
          "1 -1 2\nshop\nalice\n", "1 1 2\n\nalice\n", "1 1 2\nshop\nteam:a\n",
          "1 1 2\nshop\nalice\na\nb", "1 1 2\nshop\n\xFF\n", "2 1 2\nshop\nalice\n",
          "1 1 99999999999999999999\nshop\nalice\n", "11 1 2\nshop\nalice\n"}) {
        auto news = decodeRevocationNews(wrong);
        // "1 " says no more than "1".
        EXPECT_FOR(!news.ok() || (!news->revocation && std::string(wrong) == "1 "),
                   wrong);
    }
    ck_assert(!validate(revocation(repeat("x", limits::kMaxId + 1), "", 1, 2)).ok());
    ck_assert(!validate(revocation("a", repeat("x", limits::kMaxId + 1), 1, 2)).ok());
}

}  // namespace

Suite* revocationSuite() {
    return suiteOf("revocation", {refusesWhatWasIssuedBefore, refusesOneSession,
                                  timesOnlyRise, bounded, bytes});
}

}  // namespace messaging::unit
