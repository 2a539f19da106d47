// Arguments that a profile's routes make of a request, and what only a module says.
#include "schema/model.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

// What goes with the first message; and what only a module says.
START_TEST(startCarries) {
    const std::string carries =
        "{\"members\":[\"me\",\"you\"],\"content\":\"hi\",\"message\":{\"context\":"
        "{\"type\":\"appointment\",\"id\":\"a\"},\"type\":\"offer\",\"data\":{\"x\":1}}"
        "}";
    const auto arguments = parseStart(carries, "me");
    ck_assert(arguments.ok());
    EXPECT_TEXT(arguments->message.context.id, "a");
    EXPECT_TEXT(encode(arguments.value()), carries);

    const std::string hinted =
        "{\"members\":[\"me\",\"she\",\"you\"],\"hints\":[{\"id\":\"she\"},{\"id\":"
        "\"you\","
        "\"role\":\"seller\",\"name\":\"You\"}]}";
    const auto hints = parseStart(hinted, "me", {}, {}, From::Module);
    ck_assert(hints.ok());
    ck_assert_uint_eq(hints->hints.size(), 2);
    EXPECT_TEXT(encode(hints.value()), hinted);
    EXPECT_FAILURE(parseStart(hinted, "me").status(), Code::UnknownField, "hints");

    const std::pair<std::string, std::string> rows[] = {
        {"\"message\":{\"type\":\"x\"}", "content"},
        {"\"content\":\"x\",\"message\":[]", "message"},
        {"\"content\":\"x\",\"message\":{\"type\":\"?\"}", "message.type"},
        {"\"content\":\"x\",\"message\":{\"data\":1}", "message.data"},
        {"\"content\":\"x\",\"message\":{\"context\":{}}", "message.context"},
        {"\"content\":\"x\",\"message\":{\"content\":\"y\"}", "message.content"},
        {"\"hints\":{}", "hints"},
        {"\"hints\":[{\"name\":\"x\"}]", "hints"},
        {"\"hints\":[{\"id\":\"me\"}]", "hints"},
        {"\"hints\":[{\"id\":\"eve\"}]", "hints"},
        {"\"hints\":[{\"id\":\"you\"},{\"id\":\"you\"}]", "hints"},
        {"\"hints\":[{\"id\":\"you\",\"role\":1}]", "hints"},
        {"\"hints\":[{\"id\":\"you\",\"name\":\"a\\n\"}]", "hints"},
    };
    for (const auto& [member, field] : rows) {
        const std::string body = "{\"members\":[\"you\"]," + member + "}";
        const auto refused = parseStart(body, "me", {}, {}, From::Module);
        EXPECT_FOR(!refused.ok(), body);
        EXPECT_TEXT(refused.status().field(), field);
    }
}

START_TEST(history) {
    // A module may ask for more.
    const std::string body = "{\"after\":1,\"limit\":10000,\"absent\":\"empty\"}";
    const auto all = parseHistory(body, From::Module);
    ck_assert(all.ok() && all->absentEmpty);
    EXPECT_TEXT(encode(all.value()), body);
    EXPECT_FAILURE(parseHistory("{\"absent\":\"empty\"}").status(), Code::UnknownField,
                   "absent");
    EXPECT_FAILURE(parseHistory("{\"limit\":10001}", From::Module).status(),
                   Code::InvalidField, "limit");
    EXPECT_FAILURE(parseHistory("{\"absent\":true}", From::Module).status(),
                   Code::InvalidField, "absent");
}

START_TEST(thread) {
    const std::string body =
        "{\"context\":{\"type\":\"venue\",\"id\":\"7\"},\"before\":9,\"limit\":3,"
        "\"absent\":\"empty\"}";
    const auto arguments = parseThread(body);
    ck_assert(arguments.ok());
    EXPECT_TEXT(encode(arguments.value()), body);
    EXPECT_TEXT(encode(parseThread("").value()), "{\"limit\":50}");
    EXPECT_FAILURE(parseThread("{\"context\":\"venue:7\"}").status(),
                   Code::InvalidField, "context");
    EXPECT_FAILURE(parseThread("{\"q\":\"7\"}").status(), Code::UnknownField, "q");
}

}  // namespace

Suite* model_profileSuite() {
    return suiteOf("model_profile", {startCarries, history, thread});
}

}  // namespace messaging::unit
