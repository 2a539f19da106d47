// Tests for fold: what people type for what people write.
#include "worker/fold.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using worker::fold;

START_TEST(folds) {
    const struct {
        const char* written;
        const char* found;
    } kRows[] = {
        {"", ""},
        {"Plain ASCII, 1 < 2", "plain ascii, 1 < 2"},
        {"Château de Vaux-le-Vicomte", "chateau de vaux-le-vicomte"},
        {"ÀÉÎÕÜ àéîõü çñ", "aeiou aeiou cn"},
        {"Łódź, Žižkov, Ørsted", "lodz, zizkov, orsted"},
        {"Việt Nam", "viet nam"},
        {"Cafe\xCC\x81", "cafe"},
        {"ÆØÞ×÷ß", "æoþ×÷ß"},
        {"ЖДАТЬ Ёж", "ждать ёж"},
        {"ΑΩ", "αω"},
        {"日本 😀 €", "日本 😀 €"},
    };
    for (const auto& row : kRows) {
        EXPECT_TEXT(fold(row.written), row.found);
    }
}

}  // namespace

Suite* foldSuite() {
    return suiteOf("fold", {folds});
}

}  // namespace messaging::unit
