// How fields are named: what a preset may say, and what the command line adds.
#include "worker/import_mapping.hpp"

#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

using worker::Mapping;

Status read(Mapping& mapping, const std::string& text) {
    const Result<json::Value> object = json::parse(text);
    ck_assert(object.ok());
    return mapping.read(object.value());
}

START_TEST(namesAndAlternatives) {
    Mapping mapping;
    ck_assert(read(mapping, R"({"kind": "ticket", "conversations": "Conversation|c",
        "conversation.members": "buyerId|buyer=buyer,sellerId,team:admin",
        "messages": "Message", "message.conversation": "c", "message.sender": "s",
        "message.content": "t", "message.createdAt": "at", "role.PRO": "professional"})")
                  .ok());
    ck_assert(mapping.complete().ok());
    ck_assert(!mapping.pairs());
    ck_assert(mapping.alternatives("conversations") ==
              std::vector<std::string>({"Conversation", "c"}));
    ck_assert(mapping.alternatives("users").empty());
    ck_assert_uint_eq(mapping.members().size(), 3);
    ck_assert(mapping.members()[0].fields ==
              std::vector<std::string>({"buyerId", "buyer"}));
    EXPECT_TEXT(mapping.members()[0].role, "buyer");
    EXPECT_TEXT(mapping.members()[1].role, "");
    EXPECT_TEXT(mapping.members()[2].team, "team:admin");
    EXPECT_TEXT(mapping.members()[2].role, "admin");
    EXPECT_TEXT(mapping.roleOf("PRO"), "professional");
    EXPECT_TEXT(mapping.roleOf("ADMIN"), "admin");
    ck_assert(mapping.set("messages=Other").ok());
    EXPECT_TEXT(mapping.text("messages"), "Other");
    ck_assert(mapping.set("conversations=").ok());
    ck_assert(mapping.pairs());
    EXPECT_FAILURE(mapping.complete(), Code::MissingField, "message.receiver");
}

START_TEST(whatIsWrong) {
    Mapping mapping;
    EXPECT_FAILURE(read(mapping, R"({"message": "x"})"), Code::UnknownField, "message");
    EXPECT_FAILURE(read(mapping, R"({"messages": 5})"), Code::InvalidField, "messages");
    EXPECT_FAILURE(mapping.set("kind=group"), Code::InvalidField, "kind");
    EXPECT_FAILURE(mapping.set("messages"), Code::InvalidField, "");
    // No operator of the server's.
    EXPECT_FAILURE(mapping.set("message.sender=$where"), Code::InvalidField,
                   "message.sender");
    EXPECT_FAILURE(mapping.complete(), Code::MissingField, "messages");
}

START_TEST(split) {
    ck_assert(worker::splitBy("", '|').empty());
    ck_assert(worker::splitBy("a", '|') == std::vector<std::string>({"a"}));
    ck_assert(worker::splitBy("|a||b|", '|') == std::vector<std::string>({"a", "b"}));
}

}  // namespace

Suite* import_mappingSuite() {
    return suiteOf("import_mapping", {namesAndAlternatives, whatIsWrong, split});
}

}  // namespace messaging::unit
