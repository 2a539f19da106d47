// The stores' contract, of revocations: the later of each time stays, and what is over
// goes.
#include "t/unit/store_data.hpp"

namespace messaging::unit {
namespace {

std::string all(worker::Store& store, uint64_t now) {
    std::vector<std::string> lines;
    for (const Revocation& one : taken(store.revocations(now))) {
        lines.push_back(one.site + "/" + one.user + "/" + one.session + " " +
                        revocationTimes(one));
    }
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (const std::string& line : lines) {
        text += line + ";";
    }
    return text;
}

START_TEST(timesOnlyRise) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    EXPECT_TEXT(all(*store, 0), "");
    ck_assert(store->revoke({"shop", "ann", "", 100, 1000}).ok());
    ck_assert(store->revoke({"shop", "ann", "s1", 50, 2000}).ok());
    ck_assert(store->revoke({"other", "ann", "", 10, 20}).ok());
    ck_assert(store->revoke({"shop", "$a.b'", "\"", 1, 1700000000}).ok());
    EXPECT_TEXT(all(*store, 0),
                "other/ann/ 10 20;shop/$a.b'/\" 1 1700000000;shop/ann/ 100 1000;"
                "shop/ann/s1 50 2000;");
    ck_assert(store->revoke({"shop", "ann", "", 90, 1500}).ok());
    ck_assert(store->revoke({"shop", "ann", "s1", 60, 70}).ok());
    const auto another = place->store();
    EXPECT_TEXT(all(*another, 20),
                "shop/$a.b'/\" 1 1700000000;shop/ann/ 100 1500;shop/ann/s1 60 2000;");
}

START_TEST(forgets) {
    const auto place = makePlace(_i);
    const auto store = place->store();
    ck_assert(store->forgetRevocations(5).ok());
    ck_assert(store->revoke({"shop", "ann", "", 1, 10}).ok());
    ck_assert(store->revoke({"shop", "bob", "", 1, 20}).ok());
    ck_assert(store->forgetRevocations(9).ok());
    EXPECT_TEXT(all(*store, 0), "shop/ann/ 1 10;shop/bob/ 1 20;");
    EXPECT_TEXT(all(*store, 10), "shop/bob/ 1 20;");
    ck_assert(store->forgetRevocations(10).ok());
    EXPECT_TEXT(all(*store, 0), "shop/bob/ 1 20;");
}

}  // namespace

Suite* store_revocationSuite() {
    return suiteOverPlaces("store_revocation", {timesOnlyRise, forgets});
}

}  // namespace messaging::unit
