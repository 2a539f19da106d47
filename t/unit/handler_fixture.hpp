// What tests of the rules share: entries as the bus delivers them, a writer over a
// store in memory, and looks into what it answered.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/json.hpp"
#include "schema/keys.hpp"
#include "schema/model.hpp"
#include "t/unit/memory_store.hpp"
#include "t/unit/unit.hpp"
#include "worker/handler.hpp"

namespace messaging::unit {

using worker::ConversationRef;
using worker::Delivered;
using worker::Effects;
using worker::Publication;

constexpr uint64_t kNow = 1700000000000;

inline std::string idOf(std::vector<std::string> members) {
    return directId("shop", std::move(members), {}, {});
}

inline ConversationRef refOf(const std::string& id) {
    return {"shop", id};
}

// --- Entries

inline Delivered entryOf(Operation operation, const std::string& user,
                         const std::string& conversation, std::string body,
                         const std::string& key = {}) {
    static uint64_t count = 0;
    Delivered entry;
    entry.shard = shardOf(conversation);
    entry.at = kNow;
    entry.command.operation = operation;
    entry.command.id = "id" + std::to_string(++count);
    entry.command.who = {"shop", user, "user", "Name of " + user};
    entry.command.conversation = conversation;
    entry.command.key = key.empty() ? "i:" + entry.command.id : key;
    entry.command.body = std::move(body);
    entry.command.reply = "channel";
    return entry;
}

inline Delivered startOf(const std::string& user, const StartArguments& arguments,
                         const std::string& key = {}) {
    const Identity who{"shop", user, {}, {}};
    return entryOf(Operation::Start, user, conversationId(arguments, who, key),
                   encode(arguments), key);
}

inline Delivered startOf(const std::string& user,
                         const std::vector<std::string>& members,
                         std::optional<std::string> content = {},
                         const std::string& key = {}) {
    return startOf(user, StartArguments{members, std::move(content)}, key);
}

inline Delivered sendOf(const std::string& user, const std::string& conversation,
                        const std::string& content, const std::string& key = {}) {
    return entryOf(Operation::Send, user, conversation, encode(SendArguments{content}),
                   key);
}

inline Delivered readOf(const std::string& user, const std::string& conversation,
                        std::optional<uint64_t> seq = {}) {
    return entryOf(Operation::Read, user, conversation, encode(ReadArguments{seq}));
}

inline Delivered changeOf(const std::string& user, const std::string& conversation,
                          const std::string& body, const std::string& key = {}) {
    return entryOf(Operation::Change, user, conversation, body, key);
}

inline Delivered again(Delivered entry, bool expired = false) {
    entry.redelivered = true;
    entry.expired = expired;
    return entry;
}

// --- What came of it

// The value at a path like "message.seq", as it is written; "-" where there is none.
inline std::string at(const std::string& json, const std::string& path) {
    const Result<json::Value> parsed =
        json::parse(json, {limits::kMaxReply, 64, 1 << 20, 1 << 20});
    if (!parsed.ok()) {
        return "not JSON: " + json;
    }
    const json::Value* value = &parsed.value();
    size_t start = 0;
    while (value != nullptr && start < path.size()) {
        const size_t dot = std::min(path.find('.', start), path.size());
        const std::string name = path.substr(start, dot - start);
        const std::optional<uint64_t> index =
            name.empty() || name[0] < '0' || name[0] > '9'
                ? std::nullopt
                : std::optional<uint64_t>(std::stoull(name));
        if (index && value->is(json::Type::Array)) {
            value = *index < value->items.size() ? &value->items[*index] : nullptr;
        } else {
            value = value->find(name);
        }
        start = dot + 1;
    }
    if (value == nullptr) {
        return "-";
    }
    switch (value->type) {
        case json::Type::Null:
            return "null";
        case json::Type::Bool:
            return value->boolean ? "true" : "false";
        case json::Type::Array:
            return std::to_string(value->items.size());
        case json::Type::Object:
            return std::to_string(value->members.size());
        default:
            return value->text;
    }
}

// "TYPE TYPE…" of all events for a member, in order.
inline std::string eventsFor(const Effects& effects, const std::string& member) {
    std::string types;
    for (const Publication& publication : effects.publications) {
        for (const Event& event : publication.events) {
            if (publication.member == member) {
                types += (types.empty() ? "" : " ") + event.type;
            }
        }
    }
    return types;
}

// Whether a member is told that something may have been missed.
inline bool lossFor(const Effects& effects, const std::string& member) {
    return std::any_of(effects.publications.begin(), effects.publications.end(),
                       [&](const Publication& publication) {
                           return publication.member == member &&
                                  publication.events.empty();
                       });
}

// Data of the n-th event (from 0) of this type for a member.
inline std::string eventFor(const Effects& effects, const std::string& member,
                            const std::string& type, size_t n = 0) {
    for (const Publication& publication : effects.publications) {
        for (const Event& event : publication.events) {
            if (publication.member == member && event.type == type && n-- == 0) {
                return event.data;
            }
        }
    }
    return "null";
}

// --- A writer and its store

struct Bench {
    using Kind = MemoryStore::Kind;

    explicit Bench(Kind kind = Kind::Transactional)
        : store(database, kind),
          writer(std::make_unique<worker::Writer>(store, "me")) {}
    ~Bench() {
        for (const std::string& complaint : store.complaints) {
            ck_abort_msg("%s", complaint.c_str());
        }
    }

    Status tryRun(const std::vector<Delivered>& batch) {
        effects = Effects();
        return writer->run(batch, effects);
    }
    void run(const std::vector<Delivered>& batch) {
        const Status status = tryRun(batch);
        ck_assert_msg(status.ok(), "the batch failed: %s", status.detail().c_str());
    }
    // Its only reply.
    Reply ask(const Delivered& entry) {
        run({entry});
        ck_assert_uint_eq(effects.replies.size(), 1);
        EXPECT_TEXT(effects.replies[0].first, "channel");
        EXPECT_TEXT(effects.replies[0].second.id, entry.command.id);
        return effects.replies[0].second;
    }
    const Reply& reply(size_t n) const { return effects.replies.at(n).second; }

    // The process died: only the database is left.
    void restart() { writer = std::make_unique<worker::Writer>(store, "me"); }

    // "lastSeq sent readSeq readSent preview" of a membership, "none".
    std::string row(const std::string& id, const std::string& member) {
        const auto& rows = database.memberships[refOf(id)];
        const auto found = rows.find(member);
        if (found == rows.end()) {
            return "none";
        }
        const Membership& row = found->second;
        return std::to_string(row.lastSeq) + ' ' + std::to_string(row.sent) + ' ' +
               std::to_string(row.readSeq) + ' ' + std::to_string(row.readSent) + ' ' +
               row.preview.content;
    }
    // Contents by seq, "1:a 2:b"; complains about holes and wrong ordinals.
    std::string messages(const std::string& id) {
        std::string all;
        uint64_t next = 1;
        std::map<std::string, uint64_t> ordinals;
        for (const auto& [seq, message] : database.messages[refOf(id)]) {
            ck_assert_uint_eq(seq, next++);
            ck_assert_uint_eq(message.seq, seq);
            ck_assert_uint_eq(message.ordinal, ++ordinals[message.member]);
            all +=
                (all.empty() ? "" : " ") + std::to_string(seq) + ':' + message.content;
        }
        return all;
    }

    MemoryDatabase database;
    MemoryStore store;
    std::unique_ptr<worker::Writer> writer;
    Effects effects;
};

}  // namespace messaging::unit
