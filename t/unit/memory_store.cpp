// See the header. Everything is a plain map: slow, and easy to believe.
#include "t/unit/memory_store.hpp"

#include <algorithm>
#include <utility>

namespace messaging::unit {

using worker::ConversationRef;
using worker::InsertResult;
using worker::Note;

// --- Database

bool MemoryDatabase::insert(const Message& message) {
    const Ref ref{message.site, message.conversation};
    const auto key = std::make_tuple(ref, message.sender, message.key);
    if (messages[ref].count(message.seq) > 0 || keys.count(key) > 0) {
        return false;
    }
    messages[ref][message.seq] = message;
    keys[key] = message.seq;
    return true;
}

Message MemoryDatabase::append(const Ref& ref, const std::string& member,
                               const std::string& key) {
    Message message;
    message.site = ref.site;
    message.conversation = ref.id;
    message.ordinal = 1;
    for (const auto& [seq, before] : messages[ref]) {
        message.seq = seq;
        message.createdAt = before.createdAt;
        message.ordinal += before.member == member ? 1 : 0;
    }
    message.seq += 1;
    message.createdAt += 1;
    message.sender = member;
    message.member = member;
    message.key = key;
    message.content = "from another owner";
    message.fingerprint = "another's";
    insert(message);
    return message;
}

void MemoryDatabase::raise(const Membership& to) {
    auto& rows = memberships[{to.site, to.conversation}];
    const auto [place, absent] = rows.try_emplace(to.member, to);
    Membership& row = place->second;
    if (absent) {
        return;
    }
    if (to.lastSeq > row.lastSeq) {
        row.activity = to.activity;
        row.preview = to.preview;
    }
    row.lastSeq = std::max(row.lastSeq, to.lastSeq);
    row.sent = std::max(row.sent, to.sent);
    row.readSeq = std::max(row.readSeq, to.readSeq);
    row.readSent = std::max(row.readSent, to.readSent);
    if (to.rev > row.rev) {
        row.rev = to.rev;
        row.closed = to.closed;
        row.archived = to.archived;
    }
    row.context = to.context;
}

// --- Faults

void MemoryStore::failAt(size_t n, Fault fault, size_t times) {
    failIn_ = n;
    failTimes_ = times;
    fault_ = fault;
}

void MemoryStore::before(std::string name, std::function<void()> run) {
    hooks_.emplace(std::move(name), std::move(run));
}

size_t MemoryStore::count(std::string_view name) const {
    return static_cast<size_t>(std::count(calls.begin(), calls.end(), name));
}

MemoryStore::Fault MemoryStore::enter(const char* name) {
    calls.push_back(name);
    if (!inHook_) {
        inHook_ = true;
        for (const char* which : {name, ""}) {
            const auto [first, last] = hooks_.equal_range(which);
            for (auto hook = first; hook != last; ++hook) {
                hook->second();
            }
        }
        inHook_ = false;
    }
    if (failTimes_ == 0 || --failIn_ > 0) {
        return Fault::None;
    }
    failIn_ = 1;
    --failTimes_;
    return fault_;
}

Status MemoryStore::failure(Fault fault) {
    switch (fault) {
        case Fault::None:
            return {};
        case Fault::Definite:
            return {Code::StoreUnavailable, "told to fail"};
        default:
            return {Code::Internal, "told to fail"};
    }
}

Status MemoryStore::perform(const char* name, const std::function<void()>& work) {
    const Fault fault = enter(name);
    if (fault == Fault::None || fault == Fault::UnknownDone) {
        work();
    }
    return failure(fault);
}

// --- Writing

void MemoryStore::checkNoted(const std::string& site, const std::string& conversation) {
    const ConversationRef ref{site, conversation};
    if (!batch_) {
        complain("a write outside of a batch");
    } else if (std::find(note_.conversations.begin(), note_.conversations.end(), ref) ==
               note_.conversations.end()) {
        complain("a write that no note names");
    }
}

Status MemoryStore::begin(const Note& note) {
    if (batch_) {
        complain("begin within a batch");
    }
    const Fault fault = enter("begin");
    wrote_ = false;
    committed_ = false;
    note_ = note;
    undo_.clear();
    if (fault == Fault::Definite) {
        return failure(fault);
    }
    batch_ = true;
    if (fault == Fault::UnknownNot) {
        return failure(fault);
    }
    if (kind_ == Kind::Plain && !note.conversations.empty()) {
        database_.notes[note.owner] = note;
    }
    return failure(fault);
}

Result<bool> MemoryStore::insertConversations(const std::vector<Conversation>& all) {
    bool absent = true;
    const Status status = perform("insertConversations", [&] {
        for (const Conversation& conversation : all) {
            checkNoted(conversation.site, conversation.id);
            const ConversationRef ref{conversation.site, conversation.id};
            if (database_.conversations.emplace(ref, conversation).second) {
                wrote_ = true;
                undo_.push_back([this, ref] { database_.conversations.erase(ref); });
            } else {
                absent = false;
            }
        }
    });
    return status.ok() ? Result<bool>(absent) : status;
}

Result<bool> MemoryStore::change(uint64_t from, const Conversation& to) {
    bool changed = false;
    const Status status = perform("change", [&] {
        checkNoted(to.site, to.id);
        Conversation& stored = database_.conversations.at({to.site, to.id});
        changed = stored.rev == from;
        if (changed) {
            wrote_ = true;
            undo_.push_back([&stored, before = stored] { stored = before; });
            stored = to;
        }
    });
    return status.ok() ? Result<bool>(changed) : status;
}

void MemoryStore::insertOne(const Message& message, bool* stopped,
                            std::vector<InsertResult>* results) {
    checkNoted(message.site, message.conversation);
    const ConversationRef ref{message.site, message.conversation};
    if (database_.conversations.count(ref) == 0) {
        complain("a message without a conversation");
    }
    if (*stopped) {
        results->push_back(InsertResult::Skipped);
        return;
    }
    *stopped = !database_.insert(message);
    results->push_back(*stopped ? InsertResult::Duplicate : InsertResult::Inserted);
    if (*stopped) {
        return;
    }
    wrote_ = true;
    undo_.push_back(
        [this, ref, seq = message.seq, sender = message.sender, key = message.key] {
            database_.messages[ref].erase(seq);
            database_.keys.erase(std::make_tuple(ref, sender, key));
        });
}

Result<std::vector<InsertResult>> MemoryStore::insertMessages(
    const std::vector<Message>& messages) {
    std::vector<InsertResult> results;
    std::map<ConversationRef, bool> stopped;
    const Status status = perform("insertMessages", [&] {
        for (const Message& message : messages) {
            insertOne(message, &stopped[{message.site, message.conversation}],
                      &results);
        }
    });
    if (!status.ok()) {
        return status;
    }
    return results;
}

Status MemoryStore::raise(const std::vector<Membership>& all) {
    return perform("raise", [&] {
        std::map<std::pair<ConversationRef, std::string>, int> seen;
        for (const Membership& to : all) {
            checkNoted(to.site, to.conversation);
            const ConversationRef ref{to.site, to.conversation};
            if (++seen[{ref, to.member}] > 1) {
                complain("a membership raised twice in one call");
            }
            auto& rows = database_.memberships[ref];
            const auto row = rows.find(to.member);
            if (row == rows.end()) {
                undo_.push_back([this, ref, member = to.member] {
                    database_.memberships[ref].erase(member);
                });
            } else {
                undo_.push_back([this, ref, before = row->second] {
                    database_.memberships[ref][before.member] = before;
                });
            }
            wrote_ = true;
            database_.raise(to);
        }
    });
}

Status MemoryStore::putUsers(const std::vector<User>& all) {
    return perform("putUsers", [&] {
        for (const User& user : all) {
            User& known = database_.users[{user.site, user.id}];
            const std::string name = user.name.empty() ? known.name : user.name;
            known = user;
            known.name = name;
        }
    });
}

Status MemoryStore::hintUsers(const std::vector<User>& all) {
    return perform("hintUsers", [&] {
        for (const User& user : all) {
            const auto key = std::make_pair(user.site, user.id);
            if (database_.users.emplace(key, user).second) {
                undo_.push_back([this, key] { database_.users.erase(key); });
            }
        }
    });
}

Status MemoryStore::commit() {
    if (!batch_) {
        complain("commit outside of a batch");
    }
    const Fault fault = enter("commit");
    if (fault == Fault::UnknownDone || fault == Fault::UnknownNot) {
        // Nobody knows, so nobody can prove: abandon() will not.
        committed_ = true;
        if (fault == Fault::UnknownNot && kind_ == Kind::Transactional) {
            std::for_each(undo_.rbegin(), undo_.rend(),
                          [](const std::function<void()>& undo) { undo(); });
        }
        undo_.clear();
    }
    const bool done = fault == Fault::None || fault == Fault::UnknownDone;
    if (done && !note_.conversations.empty()) {
        database_.notes[note_.owner] = note_;
    }
    batch_ = fault != Fault::None;
    return failure(fault);
}

Status MemoryStore::abandon() {
    const Fault fault = enter("abandon");
    batch_ = false;
    if (kind_ == Kind::Transactional) {
        std::for_each(undo_.rbegin(), undo_.rend(),
                      [](const std::function<void()>& undo) { undo(); });
        undo_.clear();
    }
    if (fault != Fault::None) {
        return failure(fault);
    }
    const bool stays = kind_ == Kind::Plain && wrote_;
    if (committed_ || stays) {
        return {Code::Internal, "something may be stored"};
    }
    return {};  // the note stays; it does no harm
}

// --- Recovery and check

Result<std::vector<Note>> MemoryStore::notes(const std::string& owner) {
    if (Status status = failure(enter("notes")); !status.ok()) {
        return status;
    }
    std::vector<Note> all;
    for (const auto& [name, note] : database_.notes) {
        if (name != owner) {
            all.push_back(note);
        }
    }
    return all;
}

Status MemoryStore::dropNote(const std::string& owner) {
    return perform("dropNote", [&] { database_.notes.erase(owner); });
}

Status MemoryStore::eachConversation(
    const std::function<bool(const ConversationRef&)>& visit) {
    for (const auto& [ref, conversation] : database_.conversations) {
        if (!conversation.isAlias() && !visit(ref)) {
            break;
        }
    }
    return {};
}

Result<bool> MemoryStore::exchange(const std::optional<Membership>& from,
                                   const Membership& to) {
    if (Status status = failure(enter("exchange")); !status.ok()) {
        return status;
    }
    auto& rows = database_.memberships[{to.site, to.conversation}];
    const auto row = rows.find(to.member);
    const bool still = from ? row != rows.end() &&
                                  row->second.lastSeq == from->lastSeq &&
                                  row->second.sent == from->sent &&
                                  row->second.readSeq == from->readSeq &&
                                  row->second.readSent == from->readSent
                            : row == rows.end();
    if (still) {
        rows[to.member] = to;
    }
    return still;
}

Status MemoryStore::revoke(const Revocation& revocation) {
    return perform("revoke", [&] {
        Revocation& one = database_.revocations[revocationName(
            revocation.site, revocation.user, revocation.session)];
        const Revocation before = std::exchange(one, revocation);
        one.at = std::max(one.at, before.at);
        one.until = std::max(one.until, before.until);
    });
}

Result<std::vector<Revocation>> MemoryStore::revocations(uint64_t now) {
    if (Status status = failure(enter("revocations")); !status.ok()) {
        return status;
    }
    std::vector<Revocation> found;
    for (const auto& [name, one] : database_.revocations) {
        if (one.until > now) {
            found.push_back(one);
        }
    }
    return found;
}

Status MemoryStore::forgetRevocations(uint64_t now) {
    return perform("forgetRevocations", [&] {
        auto& all = database_.revocations;
        for (auto next = all.begin(); next != all.end();) {
            next = next->second.until <= now ? all.erase(next) : std::next(next);
        }
    });
}

}  // namespace messaging::unit
