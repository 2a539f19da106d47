// Judges what the source says by the same rules as what a client says, and keeps what
// can be kept; everything else is noted by its id.
#include "worker/importer.hpp"

#include <algorithm>
#include <set>

#include "schema/keys.hpp"
#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging::worker {
namespace {

constexpr size_t kExamples = 10;
constexpr size_t kPeople = 500;
constexpr uint64_t kProgress = 200;

const std::map<std::string, const char*> kTexts = {
    {"contextWrong", "contexts that are no id, left out"},
    {"conversationIdWrong", "conversations whose id is none here, left out"},
    {"dateMissing", "messages without a date: one was guessed"},
    {"idTaken", "conversations whose id is another one's here, left out"},
    {"late", "messages older than what was here: numbered behind it"},
    {"memberUnknown", "members who are no user of the source"},
    {"membersMissing", "conversations without two members, left out"},
    {"messageIdWrong", "messages whose id is none here, left out"},
    {"noConversation", "messages of no conversation, left out"},
    {"readAfterUnread", "messages read after an unread one: not marked"},
    {"secondConversation",
     "conversations beside an older one of the same people: not found by a start"},
    {"senderNoMember", "messages whose sender is no member, left out"},
    {"startedAnew",
     "conversations whose people started one here before: not found by a start"},
    {"subjectCut", "subjects that were cut"},
    {"textCut", "texts that were cut"},
    {"textEmpty", "messages without a text, left out"},
    {"textWrong", "texts that are not UTF-8, left out"},
    {"userWrong", "users whose id, name or role is none here, left out"},
};

class Import {
public:
    Import(ImportSource& source, const Mapping& mapping, Store& store,
           const ImportPlan& plan, ImportOutcome* outcome)
        : source_(source),
          mapping_(mapping),
          store_(store),
          plan_(plan),
          outcome_(*outcome),
          filler_(store, plan.owner, plan.dry) {}

    Status run() {
        Status status = people();
        if (status.ok()) {
            status = advance();
        }
        if (status.ok()) {
            status = mapping_.pairs() ? pairs() : conversations();
        }
        if (status.ok()) {
            status = filler_.flush();
        }
        outcome_.filled = filler_.filled();
        return status;
    }

private:
    void odd(const char* what, const std::string& example) {
        outcome_.odd.note(what, example);
    }
    bool stopped() {
        if (outcome_.read % kProgress == 0 &&
            !plan_.progress(outcome_.read, source_.messages())) {
            outcome_.stopped = true;
        }
        return outcome_.stopped;
    }

    Status people();
    Status storePeople(const std::vector<User>& wanted);
    Status advance();
    Status conversations();
    Status pairs();
    std::optional<Conversation> judge(const SourceConversation& from);
    void judgeContext(const std::string& type, const std::string& id,
                      const std::string& of, Context* context);
    Status noteUnknown(const std::vector<Conversation>& page);
    Status fill(const Conversation& conversation, const SourceConversation& from,
                bool (*belongs)(const SourceMessage&, const SourceConversation&));
    std::optional<Message> judge(const SourceMessage& from,
                                 const Conversation& conversation,
                                 const SourceConversation& of);
    bool opens(size_t index, const std::string& id);

    ImportSource& source_;
    const Mapping& mapping_;
    Store& store_;
    const ImportPlan& plan_;
    ImportOutcome& outcome_;
    Filler filler_;
    std::optional<SourceMessage> next_;
    std::string lastOrder_;  // of next_: never falls
    std::set<std::string> unknown_;
};

// --- People

// Who is known here has a newer name than the source.
Status Import::people() {
    for (;;) {
        Result<std::vector<SourceUser>> page = source_.users(kPeople);
        if (!page.ok() || page->empty()) {
            return page.status();
        }
        std::vector<User> wanted;
        for (const SourceUser& from : page.value()) {
            User user{plan_.site, from.id, mapping_.roleOf(from.role),
                      std::string(trim(from.name))};
            if (!validUser(user.id) || !validName(user.name, limits::kMaxName) ||
                !validName(user.role, limits::kMaxName)) {
                odd("userWrong", from.id);
            } else {
                wanted.push_back(std::move(user));
            }
        }
        if (Status status = storePeople(wanted); !status.ok() || stopped()) {
            return status;
        }
    }
}

Status Import::storePeople(const std::vector<User>& wanted) {
    std::vector<std::string> ids;
    for (const User& user : wanted) {
        ids.push_back(user.id);
    }
    Result<std::vector<User>> found = store_.users(plan_.site, ids);
    if (!found.ok()) {
        return found.status();
    }
    std::set<std::string> known;
    for (const User& user : found.value()) {
        known.insert(user.id);
    }
    std::vector<User> absent;
    for (const User& user : wanted) {
        if (known.insert(user.id).second) {
            absent.push_back(user);
        }
    }
    outcome_.people += absent.size();
    if (absent.empty() || plan_.dry) {
        return {};
    }
    Status status = store_.begin({plan_.owner, {}});
    if (status.ok()) {
        status = store_.putUsers(absent);
    }
    if (status.ok()) {
        status = store_.commit();
    }
    if (!status.ok()) {
        const Status undone = store_.abandon();
        return {status.code(), status.detail() + undone.detail()};
    }
    return {};
}

// --- Conversations

// The next message, which the source gives in an order that can be followed.
Status Import::advance() {
    Result<std::optional<SourceMessage>> message = source_.message();
    if (!message.ok()) {
        return message.status();
    }
    next_ = std::move(message.value());
    if (!next_) {
        return {};
    }
    ++outcome_.read;
    if (!mapping_.pairs()) {
        if (next_->order < lastOrder_) {
            return {Code::StoreUnavailable,
                    "the source's ids are of different types: message " + next_->id};
        }
        lastOrder_ = next_->order;
    }
    return {};
}

void Import::judgeContext(const std::string& type, const std::string& id,
                          const std::string& of, Context* context) {
    if (type.empty() || id.empty()) {
        return;
    }
    if (!validWord(type) || !validId(id)) {
        odd("contextWrong", of);
        return;
    }
    *context = {type, id};
}

std::optional<Conversation> Import::judge(const SourceConversation& from) {
    if (!validId(from.id)) {
        odd("conversationIdWrong", from.id);
        return std::nullopt;
    }
    Conversation conversation;
    conversation.site = plan_.site;
    conversation.id = from.id;
    conversation.kind = mapping_.text("kind") == kTicket ? kTicket : kDirect;
    for (const SourceMember& member : from.members) {
        if (validId(member.id)) {
            conversation.members.push_back(member.id);
        }
    }
    auto& members = conversation.members;
    conversation.starter = members.empty() ? "" : members.front();
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    if (members.size() < 2 || members.size() > limits::kMaxMembers) {
        odd("membersMissing", from.id);
        return std::nullopt;
    }
    const std::string subject(trim(from.subject));
    conversation.subject = preview(subject, limits::kMaxSubject);
    if (!validName(conversation.subject, limits::kMaxSubject)) {
        conversation.subject.clear();
    }
    if (conversation.subject != subject) {
        odd("subjectCut", from.id);
    }
    judgeContext(mapping_.text("conversation.contextType"), from.contextId, from.id,
                 &conversation.context);
    conversation.createdAt = from.createdAt;
    conversation.closed = from.closed;
    return conversation;
}

// Each is told once, as far as memory goes.
Status Import::noteUnknown(const std::vector<Conversation>& page) {
    if (!source_.hasUsers()) {
        return {};
    }
    std::set<std::string> people;
    for (const Conversation& conversation : page) {
        for (const std::string& member : conversation.members) {
            if (validUser(member)) {
                people.insert(member);
            }
        }
    }
    const Result<std::set<std::string>> known = source_.known(people);
    if (!known.ok()) {
        return known.status();
    }
    for (const std::string& id : people) {
        constexpr size_t kRemembered = 100000;
        const bool fresh = known->count(id) == 0 && (unknown_.size() >= kRemembered ||
                                                     unknown_.insert(id).second);
        if (fresh) {
            odd("memberUnknown", id);
        }
    }
    return {};
}

bool Import::opens(size_t index, const std::string& id) {
    switch (filler_.open(index)) {
        case Opened::OtherMembers:
            odd("idTaken", id);
            return false;
        case Opened::StartedAnew:
            odd("startedAnew", id);
            return true;
        case Opened::SecondOfThese:
            odd("secondConversation", id);
            return true;
        default:
            return true;
    }
}

// A page of them, and beside it the messages, which come in the same order.
Status Import::conversations() {
    const auto belongs = [](const SourceMessage& message,
                            const SourceConversation& of) {
        return message.conversation == of.id;
    };
    while (!outcome_.stopped) {
        Result<std::vector<SourceConversation>> page =
            source_.conversations(Filler::kPage);
        if (!page.ok()) {
            return page.status();
        }
        std::vector<Conversation> wanted;
        std::vector<std::optional<size_t>> places;
        for (const SourceConversation& from : page.value()) {
            std::optional<Conversation> conversation = judge(from);
            places.push_back(conversation ? std::optional(wanted.size())
                                          : std::nullopt);
            if (conversation) {
                wanted.push_back(std::move(*conversation));
            }
        }
        Status status = filler_.look(wanted);
        if (status.ok()) {
            status = noteUnknown(wanted);
        }
        for (size_t i = 0; status.ok() && i < page->size() && !outcome_.stopped; ++i) {
            const SourceConversation& from = page.value()[i];
            while (status.ok() && next_ && next_->order < from.order) {
                odd("noConversation", next_->id);
                status = advance();
            }
            const bool kept = status.ok() && places[i] && opens(*places[i], from.id);
            if (kept) {
                status = fill(wanted[*places[i]], from, belongs);
            }
            while (status.ok() && !outcome_.stopped && next_ && belongs(*next_, from)) {
                odd("noConversation", next_->id);
                status = advance();
            }
        }
        if (status.ok()) {
            status = filler_.flush();
        }
        if (!status.ok()) {
            return status;
        }
        if (page->empty()) {
            break;
        }
    }
    while (next_ && !outcome_.stopped) {
        odd("noConversation", next_->id);
        if (Status status = advance(); !status.ok()) {
            return status;
        }
    }
    return {};
}

// The messages of two people are their conversation, whose id is the derived one.
Status Import::pairs() {
    while (next_ && !outcome_.stopped) {
        SourceConversation from;
        from.members = {{next_->sender, {}}, {next_->receiver, {}}};
        from.createdAt = next_->createdAt;
        from.id = directId(plan_.site, {next_->sender, next_->receiver}, {}, {});
        const std::optional<Conversation> conversation = judge(from);
        if (!conversation) {
            if (Status status = advance(); !status.ok()) {
                return status;
            }
            continue;
        }
        Status status = filler_.look({*conversation});
        if (status.ok()) {
            status = noteUnknown({*conversation});
        }
        if (status.ok() && opens(0, from.id)) {
            status =
                fill(*conversation, from,
                     [](const SourceMessage& message, const SourceConversation& of) {
                         const std::string& a = of.members[0].id;
                         const std::string& b = of.members[1].id;
                         return (message.sender == a && message.receiver == b) ||
                                (message.sender == b && message.receiver == a);
                     });
        }
        if (status.ok()) {
            status = filler_.flush();
        }
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

// --- Messages

Status Import::fill(const Conversation& conversation, const SourceConversation& from,
                    bool (*belongs)(const SourceMessage&, const SourceConversation&)) {
    while (next_ && belongs(*next_, from)) {
        if (stopped()) {
            return {};  // what is written so far is whole
        }
        if (std::optional<Message> message = judge(*next_, conversation, from)) {
            const Result<Filler::Added> added =
                filler_.add(std::move(*message), next_->read);
            if (!added.ok()) {
                return added.status();
            }
            if (!next_->dated && !added->known) {
                odd("dateMissing", next_->id);
            }
            if (added->late) {
                odd("late", next_->id);
            }
            if (added->unkept) {
                odd("readAfterUnread", next_->id);
            }
        }
        if (Status status = advance(); !status.ok()) {
            return status;
        }
    }
    return filler_.close();
}

std::optional<Message> Import::judge(const SourceMessage& from,
                                     const Conversation& conversation,
                                     const SourceConversation& of) {
    Message message;
    message.key = kOriginalKey + from.id;
    message.sender = from.sender;
    message.createdAt = from.createdAt;
    if (!validId(from.id)) {
        odd("messageIdWrong", from.id);
        return std::nullopt;
    }
    // Whoever of many wrote, it counts for their team.
    const auto& members = conversation.members;
    message.member = from.sender;
    message.senderRole = from.role.empty() ? "" : mapping_.roleOf(from.role);
    std::string team;
    for (const SourceMember& member : of.members) {
        team = validUser(member.id) ? team : member.id;
        if (member.id == from.sender && message.senderRole.empty()) {
            message.senderRole = member.role;
        }
    }
    if (!std::binary_search(members.begin(), members.end(), message.member)) {
        message.member = team;
    }
    if (!validUser(from.sender) || message.member.empty() ||
        !validName(message.senderRole, limits::kMaxName)) {
        odd("senderNoMember", from.id);
        return std::nullopt;
    }
    if (message.senderRole.empty() && message.member == team) {
        for (const SourceMember& member : of.members) {
            message.senderRole = member.id == team ? member.role : message.senderRole;
        }
    }
    const std::optional<size_t> characters = countCharacters(from.content);
    if (!characters || from.content.find('\0') != std::string::npos) {
        odd("textWrong", from.id);
        return std::nullopt;
    }
    const std::string_view text = trim(from.content);
    if (text.empty()) {
        odd("textEmpty", from.id);
        return std::nullopt;
    }
    message.content = preview(text, limits::kMaxContent);
    if (message.content != text) {
        odd("textCut", from.id);
    }
    judgeContext(mapping_.text("message.contextType"), from.contextId, from.id,
                 &message.context);
    return message;
}

}  // namespace

void Oddities::note(const std::string& what, const std::string& example) {
    Odd& odd = all_[what];
    ++odd.count;
    if (odd.examples.size() < kExamples) {
        // For a terminal and for JSON, whatever bytes it is of.
        odd.examples.push_back(validId(example) ? example : "(no id)");
    }
}

const char* Oddities::text(const std::string& what) {
    const auto found = kTexts.find(what);
    return found == kTexts.end() ? what.c_str() : found->second;
}

Status runImport(ImportSource& source, const Mapping& mapping, Store& store,
                 const ImportPlan& plan, ImportOutcome* outcome) {
    return Import(source, mapping, store, plan, outcome).run();
}

}  // namespace messaging::worker
