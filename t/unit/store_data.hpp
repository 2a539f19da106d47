// Data for the stores' tests, and batches in one line each.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "schema/limits.hpp"
#include "t/unit/store_places.hpp"
#include "t/unit/unit.hpp"

namespace messaging::unit {

using worker::ConversationRef;
using worker::InsertResult;
using worker::Note;
using worker::Store;

inline const std::string kSite = "shop";

inline Conversation conversationOf(const std::string& id,
                                   std::vector<std::string> members) {
    Conversation conversation;
    conversation.site = kSite;
    conversation.id = id;
    conversation.starter = members.front();
    conversation.members = std::move(members);
    conversation.createdAt = 1700000000000;
    return conversation;
}

inline Message messageOf(const std::string& conversation, uint64_t seq,
                         const std::string& sender, uint64_t ordinal,
                         const std::string& key) {
    Message message;
    message.site = kSite;
    message.conversation = conversation;
    message.seq = seq;
    message.sender = sender;
    message.senderRole = "buyer";
    message.member = sender;
    message.ordinal = ordinal;
    message.key = key;
    message.fingerprint = "f" + key;
    message.content = "text of " + key;
    message.createdAt = 1700000000000 + seq;
    return message;
}

inline Membership membershipOf(const std::string& conversation,
                               const std::string& member, uint64_t lastSeq,
                               uint64_t sent, uint64_t readSeq, uint64_t readSent) {
    Membership membership;
    membership.site = kSite;
    membership.conversation = conversation;
    membership.member = member;
    membership.lastSeq = lastSeq;
    membership.sent = sent;
    membership.readSeq = readSeq;
    membership.readSent = readSent;
    membership.activity = 1000 + lastSeq;
    membership.preview = {lastSeq, "ann", "preview " + std::to_string(lastSeq),
                          1000 + lastSeq};
    return membership;
}

#define EXPECT_OK(status)                                                          \
    do {                                                                           \
        const ::messaging::Status ok_ = (status);                                  \
        ck_assert_msg(ok_.ok(), "%s: %s (code %d)", #status, ok_.detail().c_str(), \
                      static_cast<int>(ok_.code()));                               \
    } while (false)

// The value of what must not fail.
template <typename T>
T taken(Result<T> result) {
    EXPECT_OK(result.status());
    return std::move(result.value());
}

// One batch.
template <typename Write>
inline void batch(Store& store, const std::vector<std::string>& conversations,
                  Write write) {
    Note note{"writer", {}};
    for (const auto& id : conversations) {
        note.conversations.push_back({kSite, id});
    }
    EXPECT_OK(store.begin(note));
    write();
    EXPECT_OK(store.commit());
}

inline std::vector<InsertResult> inserted(Store& store,
                                          const std::vector<Message>& messages) {
    std::vector<InsertResult> results;
    batch(store, {"c"}, [&] { results = taken(store.insertMessages(messages)); });
    return results;
}

inline void opened(Store& store, const std::vector<Conversation>& conversations) {
    batch(store, {},
          [&] { EXPECT_OK(store.insertConversations(conversations).status()); });
}

inline void raised(Store& store, const std::vector<Membership>& memberships) {
    batch(store, {}, [&] { EXPECT_OK(store.raise(memberships)); });
}

// A result a letter: I, D, S.
inline std::string letters(const std::vector<InsertResult>& results) {
    std::string text;
    for (const auto result : results) {
        text += result == InsertResult::Inserted    ? 'I'
                : result == InsertResult::Duplicate ? 'D'
                                                    : 'S';
    }
    return text;
}

inline std::string seqs(const std::vector<Message>& messages) {
    std::string text;
    for (const auto& message : messages) {
        text += (text.empty() ? "" : " ") + std::to_string(message.seq);
    }
    return text;
}

inline std::string textOf(const Membership& membership) {
    const Preview& preview = membership.preview;
    std::string text =
        membership.site + "/" + membership.conversation + "/" + membership.member;
    for (const uint64_t number :
         {membership.lastSeq, membership.sent, membership.readSeq, membership.readSent,
          membership.activity, preview.seq, preview.createdAt}) {
        text += " " + std::to_string(number);
    }
    return text + " " + preview.sender + " " + preview.content;
}

inline Membership only(Store& store, const std::string& conversation,
                       const std::string& member) {
    for (auto& membership : taken(store.memberships({kSite, conversation}))) {
        if (membership.member == member) {
            return membership;
        }
    }
    ck_abort_msg("no membership of %s in %s", member.c_str(), conversation.c_str());
}

inline std::string history(Store& store, const std::string& conversation) {
    HistoryArguments range;
    range.limit = limits::kMaxPage;
    return seqs(taken(store.history({kSite, conversation}, range)));
}

// A suite whose every test runs once in each kind of place: `_i` is the kind.
inline Suite* suiteOverPlaces(const char* name,
                              std::initializer_list<const TTest*> tests) {
    Suite* suite = suite_create(name);
    TCase* tests_ = tcase_create(name);
    tcase_set_timeout(tests_, 120);
    for (const TTest* test : tests) {
        tcase_add_loop_test(tests_, test, 0, kindsOfPlaces());
    }
    suite_add_tcase(suite, tests_);
    return suite;
}

}  // namespace messaging::unit
