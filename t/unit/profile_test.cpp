// Tests for a profile's text: what a module writes, a worker reads, and nothing else.
#include "schema/profile.hpp"

#include "schema/json.hpp"
#include "schema/model.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {
namespace {

Profile sample() {
    Profile profile;
    profile.name = "shop";
    profile.conversation.all = false;
    profile.conversation.fields = {{"id", "id", false},
                                   {"buyerId", "member.buyer", false},
                                   {"with", "other.name", false},
                                   {"productId", "context.product", false},
                                   {"messages", "messages", false}};
    profile.message.fields = {{"senderType", "senderRole", true}};
    profile.answers = {Envelope::Array, Envelope::Conversation};
    profile.rules.openers = {"buyer"};
    profile.rules.confirmer = "seller";
    profile.rules.confirmation = "Merci {name}";
    return profile;
}

START_TEST(thereAndBack) {
    const std::string text = encode(sample());
    const Result<Profile> again = parseProfile(text);
    ck_assert(again.ok());
    EXPECT_TEXT(encode(again.value()), text);
    ck_assert_uint_eq(profileHash(text).size(), 32);
    Profile other = sample();
    other.rules.reopens = true;
    ck_assert(profileHash(encode(other)) != profileHash(text));
}

START_TEST(refuses) {
    const std::string text = encode(sample());
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string changed = text;
        const size_t at = changed.find(from);
        ck_assert(at != std::string::npos);
        return changed.replace(at, from.size(), to);
    };
    EXPECT_FAILURE(parseProfile(with("\"shop\"", "7")).status(), Code::InvalidField,
                   "name");
    EXPECT_FAILURE(parseProfile(with("member.buyer", "secret")).status(),
                   Code::InvalidField, "conversation");
    EXPECT_FAILURE(parseProfile(with("senderRole", "other")).status(),
                   Code::InvalidField, "message");
    EXPECT_FAILURE(parseProfile(with("\"array\"", "\"heap\"")).status(),
                   Code::InvalidField, "answers");
    EXPECT_FAILURE(parseProfile(with("\"openers\"", "\"closers\"")).status(),
                   Code::InvalidField, "rules");
    ck_assert(parseProfile("").status().code() == Code::InvalidJson);
    ck_assert(!parseProfile("[]").ok());
}

START_TEST(references) {
    const std::string hash(32, 'a');
    const auto whole = parseProfileRef(hash + ":7");
    ck_assert(whole && whole->route == size_t{7});
    EXPECT_TEXT(format(*whole), hash + ":7");
    ck_assert(parseProfileRef(hash) && !parseProfileRef(hash)->route);
    for (const char* bad : {"", "a", ":1", "x:1"}) {
        EXPECT_FOR(!parseProfileRef(bad), bad);
    }
    for (const char* bad : {":", ":-1", ":64", ":1:2", ": 1"}) {
        EXPECT_FOR(!parseProfileRef(hash + bad), bad);
    }
}

// --- Wording

const char* const kConversation =
    R"({"id":"c1","kind":"direct","context":{"type":"product","id":"7"},"members":[)"
    R"({"id":"ann","role":"buyer","name":"Ann"},{"id":"sam","role":"seller","name":null}],)"
    R"("unreadCount":2)";
const char* const kMessage =
    R"({"id":"c1.1","conversationId":"c1","senderRole":"buyer","content":"hé","context":null})";

std::string worded(const Profile& profile, std::optional<size_t> route,
                   Operation operation, const std::string& body,
                   const char* user = "ann") {
    Identity who;
    who.user = user;
    const Result<std::string> text = render(profile, route, operation, who, body);
    ck_assert_msg(text.ok(), "%s", text.status().detail().c_str());
    return text.value();
}

START_TEST(documents) {
    const std::string conversation = std::string(kConversation) + "}";
    EXPECT_TEXT(
        worded(sample(), {}, Operation::Conversation, conversation),
        R"({"id":"c1","buyerId":"ann","with":null,"productId":"7","messages":[]})");
    EXPECT_TEXT(
        worded(sample(), {}, Operation::Conversation, conversation, "sam"),
        R"({"id":"c1","buyerId":"ann","with":"Ann","productId":"7","messages":[]})");
    EXPECT_TEXT(
        worded(sample(), {}, Operation::Send, kMessage),
        R"({"id":"c1.1","conversationId":"c1","senderRole":"buyer","content":"hé",)"
        R"("context":null,"senderType":"BUYER"})");
}

// A view without "*" can show all that there is: as whom its reader takes part, too.
START_TEST(everyFieldIsASource) {
    Conversation conversation;
    conversation.id = "c1";
    conversation.members = {"ann", "team:desk"};
    Message message;
    message.conversation = "c1";
    message.seq = 1;
    const std::pair<Document, std::string> kDocuments[] = {
        {Document::Conversation, conversationView(conversation, "team:desk", {}, {})},
        {Document::Message, messageView(message, true)}};
    for (const auto& [document, text] : kDocuments) {
        const auto value = json::parse(text);
        ck_assert(value.ok() && value->members.size() > 10);
        Profile profile;
        View& view =
            document == Document::Message ? profile.message : profile.conversation;
        view.all = false;
        for (const auto& member : value->members) {
            EXPECT_FOR(knownSource(document, member.first), member.first);
            view.fields.push_back({member.first, member.first, false});
        }
        const auto again = parseProfile(encode(profile));
        ck_assert(again.ok());
        const std::string shown = worded(
            again.value(), {},
            document == Document::Message ? Operation::Send : Operation::Conversation,
            text);
        EXPECT_TEXT(json::canonical(json::parse(shown).value()),
                    json::canonical(value.value()));
    }
    for (const char* none : {"memb", "member.", "members.", "Member", ""}) {
        EXPECT_FOR(!knownSource(Document::Conversation, none), none);
    }
    ck_assert(!knownSource(Document::Message, "member"));
}

START_TEST(answers) {
    const Profile profile = sample();
    const std::string list = std::string(R"({"me":{},"conversations":[)") +
                             kConversation + R"(,"messages":[)" + kMessage +
                             R"(]}],"nextCursor":null})";
    const std::string bare = worded(profile, 0, Operation::List, list);
    EXPECT_TEXT(bare.substr(0, 13), R"([{"id":"c1",")");
    ck_assert(bare.find(R"("senderType":"BUYER")") != std::string::npos);
    ck_assert(worded(profile, {}, Operation::List, list).find("nextCursor") !=
              std::string::npos);

    const std::string thread = std::string(R"({"conversation":)") + kConversation +
                               R"(},"messages":[)" + kMessage +
                               R"(],"nextCursor":"4"})";
    const std::string whole = worded(profile, 1, Operation::Thread, thread);
    EXPECT_TEXT(whole.substr(0, 11), R"({"id":"c1",)");
    ck_assert(whole.find(R"("nextCursor":"4")") != std::string::npos);
    EXPECT_TEXT(worded(profile, 1, Operation::Thread,
                       R"({"conversation":null,"messages":[],"nextCursor":null})"),
                R"({"messages":[],"nextCursor":null})");
    // An envelope that the operation cannot have is ours.
    EXPECT_TEXT(worded(profile, 0, Operation::UnreadCount, R"({"count":1})"),
                R"({"count":1})");
    EXPECT_TEXT(worded(profile, 99, Operation::Read, R"({"readSeq":1})"),
                R"({"readSeq":1})");
    ck_assert(!render(profile, 0, Operation::List, Identity(), "[").ok());
}

START_TEST(events) {
    Identity who;
    who.user = "ann";
    const auto message = renderEvent(sample(), {"message", kMessage}, who);
    ck_assert(message.ok());
    ck_assert(message->find("senderType") != std::string::npos);
    const auto unread = renderEvent(sample(), {"unread", "{\"a\":1}"}, who);
    EXPECT_TEXT(unread.value(), "{\"a\":1}");
}

}  // namespace

Suite* profileSuite() {
    return suiteOf("profile", {thereAndBack, refuses, references, documents,
                               everyFieldIsASource, answers, events});
}

}  // namespace messaging::unit
