// The first step of a batch: what each entry asks for, whether it may, and everything
// that must be read before the store is written to.
#include <algorithm>
#include <map>
#include <set>

#include "schema/limits.hpp"
#include "schema/text.hpp"
#include "worker/drift.hpp"
#include "worker/writer_batch.hpp"

namespace messaging::worker {
namespace {

void refuseTask(Task& task, Code code, std::string field = {}) {
    task.code = code;
    task.field = std::move(field);
}

// Whether what it does depends on which message is the newest.
bool asksForNewest(const Task& task) {
    const Operation operation = task.in->command.operation;
    return operation == Operation::Change ||
           (operation == Operation::Read && !task.upTo);
}

// An empty list is everybody's.
bool allows(const std::vector<std::string>& roles, const std::string& role) {
    return roles.empty() || std::find(roles.begin(), roles.end(), role) != roles.end();
}

// Archiving is always one's own.
bool mayChange(const Task& task) {
    const bool everybody = task.change.closed || task.change.subject;
    return task.profile() == nullptr || !everybody ||
           allows(task.profile()->rules.changers, task.in->command.who.role);
}

// Of a ticket that its key found: whether it was opened by this very request, as far as
// what can no longer change tells.
bool sameTicket(const StartArguments& start, const Conversation& conversation) {
    return start.members == conversation.members &&
           start.context == conversation.context;
}

}  // namespace

// --- Entries

void Batch::parse(Task& task) {
    const Delivered& in = *task.in;
    if (!in.status.ok()) {
        return refuseTask(task, in.status.code(), in.status.field());
    }
    if (in.expired && !in.redelivered) {
        task.dropped = true;  // its caller was told 504 and may have repeated it
        return;
    }
    if (!in.command.profile.empty() && in.profile == nullptr) {
        if (!in.redelivered) {
            return refuseTask(task, Code::ProfileUnknown);
        }
        task.blind = true;
    }
    switch (in.command.operation) {
        case Operation::Start:
            return parseStartTask(task);
        case Operation::Send:
            return parseSendTask(task);
        case Operation::Read:
            return parseReadTask(task);
        case Operation::Change:
            return parseChangeTask(task);
        default:
            return refuseTask(task, Code::InvalidField, "op");
    }
}

void Batch::parseStartTask(Task& task) {
    const Command& command = task.in->command;
    const From from = command.profile.empty() ? From::Client : From::Module;
    Result<StartArguments> arguments =
        parseStart(command.body, command.who.user, {}, command.who.team, from);
    if (!arguments.ok()) {
        return refuseTask(task, arguments.status().code(), arguments.status().field());
    }
    if (command.conversation !=
        conversationId(arguments.value(), command.who, command.key)) {
        return refuseTask(task, Code::InvalidField, "members");
    }
    if (arguments->content) {
        const std::string canonical = encode(arguments.value());
        arguments->message.content = std::move(*arguments->content);
        setMessage(task, std::move(arguments->message), canonical);
    } else if (task.profile() != nullptr && task.profile()->rules.contentRequired) {
        return refuseTask(task, Code::MissingField, "content");
    }
    task.start = std::move(arguments.value());
}

void Batch::parseSendTask(Task& task) {
    Result<SendArguments> arguments = parseSend(task.in->command.body);
    if (!arguments.ok()) {
        return refuseTask(task, arguments.status().code(), arguments.status().field());
    }
    const std::string canonical = encode(arguments.value());
    setMessage(task, std::move(arguments.value()), canonical);
}

void Batch::parseReadTask(Task& task) {
    const Result<ReadArguments> arguments = parseRead(task.in->command.body);
    if (!arguments.ok()) {
        return refuseTask(task, arguments.status().code(), arguments.status().field());
    }
    task.upTo = arguments->seq;
}

void Batch::parseChangeTask(Task& task) {
    const Command& command = task.in->command;
    Result<ChangeArguments> arguments = parseChange(command.body);
    if (!arguments.ok()) {
        return refuseTask(task, arguments.status().code(), arguments.status().field());
    }
    if (!isCommandKey(command.key)) {
        return refuseTask(task, Code::InvalidField, "key");
    }
    task.mark = changeMark(command.who.user, command.key, encode(arguments.value()));
    task.change = std::move(arguments.value());
}

// All of the message but its number, and the member for whom it counts.
void Batch::setMessage(Task& task, SendArguments said, const std::string& canonical) {
    const Command& command = task.in->command;
    if (!isCommandKey(command.key)) {
        return refuseTask(task, Code::InvalidField, "key");
    }
    task.content = true;
    task.fingerprint = fingerprint(command.operation, canonical);
    Message& message = task.message;
    message.site = command.who.site;
    message.conversation = command.conversation;
    message.sender = command.who.user;
    message.senderRole = command.who.role;
    message.key = command.key;
    message.fingerprint = task.fingerprint;
    message.content = std::move(said.content);
    message.context = std::move(said.context);
    message.type = std::move(said.type);
    message.data = std::move(said.data);
}

// --- Conversations

// Conversations from memory, the missing ones from the store, all in one call.
Status Batch::acquire() {
    std::vector<ConversationRef> missing;
    for (const Task& task : tasks_) {
        if (task.dropped || task.refused()) {
            continue;
        }
        const ConversationRef ref{task.in->command.who.site,
                                  task.in->command.conversation};
        const auto [place, added] = lives_.try_emplace(ref);
        std::unique_ptr<Live>& live = place->second;
        if (added) {
            live = cache_.take(ref);
            if (live == nullptr) {
                missing.push_back(ref);
            }
        }
        // Memory may be behind what another owner did: a redelivery must see the truth,
        // and who read a message that we do not know saw it somewhere.
        const bool behind =
            task.in->redelivered || (live != nullptr && task.upTo > live->lastSeq) ||
            (live != nullptr && asksForNewest(task) && live->conversation.hasAlias());
        if (live != nullptr && behind) {
            live.reset();
            missing.push_back(ref);
        }
    }
    if (Status status = loadLives(missing); !status.ok() || forwards_.empty()) {
        return status;
    }
    // What aliases mean is of another shard, whose owner writes there too: never from
    // memory. The unique keys make that right; this makes it seldom wrong at first.
    std::vector<ConversationRef> meant;
    for (const auto& [alias, ref] : forwards_) {
        cache_.take(ref);
        meant.push_back(ref);
    }
    return loadLives(meant);
}

Status Batch::loadLives(const std::vector<ConversationRef>& refs) {
    if (refs.empty()) {
        return {};
    }
    Result<States> states = loadExact(store_, refs);
    if (!states.ok()) {
        return states.status();
    }
    for (auto& [ref, state] : states.value()) {
        if (state.conversation.isAlias()) {
            forwards_[ref] = {ref.site, state.conversation.forward};
            continue;
        }
        std::unique_ptr<Live>& live = lives_[ref];
        live = std::make_unique<Live>();
        adopt(std::move(state), live.get());
        live->position = live->lastSeq;
    }
    return {};
}

// What an alias means, nullptr where it is none.
const ConversationRef* Batch::forwarded(const ConversationRef& ref) const {
    if (forwards_.empty()) {
        return nullptr;
    }
    const auto found = forwards_.find(ref);
    return found == forwards_.end() ? nullptr : &found->second;
}

Live* Batch::liveOf(const Task& task) {
    const ConversationRef named{task.in->command.who.site,
                                task.in->command.conversation};
    const ConversationRef* meant = forwarded(named);
    const auto found = lives_.find(meant == nullptr ? named : *meant);
    return found == lives_.end() ? nullptr : found->second.get();
}

// Whether the caller may, and what the entry will do.
Status Batch::admit(Task& task) {
    if (task.dropped || task.refused()) {
        return {};
    }
    const Delivered& in = *task.in;
    task.live = liveOf(task);
    if (task.live != nullptr && task.live->ref.id != in.command.conversation) {
        task.message.conversation = task.live->ref.id;  // an alias was named
    }
    if (task.live == nullptr && in.command.operation == Operation::Start &&
        forwarded({in.command.who.site, in.command.conversation}) == nullptr) {
        if (in.expired) {
            task.dropped = true;  // an earlier run would have made the conversation
            return {};
        }
        if (Status status = mayOpen(task); !status.ok() || task.refused()) {
            return status;
        }
        open(task);
    }
    const std::string* member = task.live == nullptr
                                    ? nullptr
                                    : memberOf(task.live->conversation, in.command.who);
    task.seat = member == nullptr ? Live::kNobody : task.live->seatOf(*member);
    if (task.seat == Live::kNobody) {
        refuseTask(task, Code::NotFound);
        return {};
    }
    if (in.command.operation == Operation::Start && task.start.ticket &&
        !sameTicket(task.start, task.live->conversation)) {
        refuseTask(task, Code::KeyReused);
        return {};
    }
    if (in.command.operation == Operation::Change && !mayChange(task)) {
        refuseTask(task, Code::ForbiddenRole);
        return {};
    }
    if (in.command.operation == Operation::Change && (in.expired || task.blind) &&
        !made(task.mark, task.live->conversation)) {
        // No earlier run did it, and now it is too late.
        task.dropped = in.expired;
        refuseTask(task, Code::Internal);
        return {};
    }
    task.live->used = true;
    task.message.member = *member;
    const Identity& who = in.command.who;
    directory_.learn({who.site, who.user, who.role, who.name});
    if (task.content) {
        return admitMessage(task);
    }
    if (in.command.operation == Operation::Start && task.live->lastSeq == 0 &&
        task.live->conversation.starter == who.user) {
        task.live->seats[task.seat].opening = true;
    }
    return {};
}

// Refuses the task where its profile does not let this caller open this conversation.
Status Batch::mayOpen(Task& task) {
    if (task.blind) {
        refuseTask(task, Code::Internal);
        return {};
    }
    const Identity& who = task.in->command.who;
    const Rules* rules = task.profile() == nullptr ? nullptr : &task.profile()->rules;
    if (rules != nullptr && !allows(rules->openers, who.role)) {
        refuseTask(task, Code::ForbiddenRole);
        return {};
    }
    if (rules == nullptr || !rules->knownOnly) {
        return {};
    }
    std::vector<std::string> unseen;
    for (const std::string& member : task.start.members) {
        const bool known = member == who.user || !validUser(member) ||
                           directory_.knows({who.site, member});
        if (!known) {
            unseen.push_back(member);
        }
    }
    const Result<std::vector<User>> users =
        unseen.empty() ? std::vector<User>() : store_.users(who.site, unseen);
    if (users.ok() && users->size() < unseen.size()) {
        refuseTask(task, Code::InvalidField, "members");
    }
    return users.status();
}

// Moves out of the task what only the conversation needs.
void Batch::open(Task& task) {
    const Command& command = task.in->command;
    StartArguments& start = task.start;
    std::unique_ptr<Live>& live = lives_[{command.who.site, command.conversation}];
    live = std::make_unique<Live>();
    live->ref = {command.who.site, command.conversation};
    live->conversation.site = command.who.site;
    live->conversation.id = command.conversation;
    live->conversation.kind = start.ticket ? kTicket : kDirect;
    live->conversation.subject = std::move(start.subject);
    live->conversation.context = start.context;
    live->conversation.members = start.members;
    live->conversation.starter = command.who.user;
    live->conversation.createdAt = task.in->at;
    live->seats.resize(live->conversation.members.size());
    live->fresh = true;
    task.live = live.get();
    task.opened = true;
}

Status Batch::admitMessage(Task& task) {
    const Command& command = task.in->command;
    const auto [place, first] =
        keys_.try_emplace({task.live, command.who.user, command.key}, &task);
    if (!first) {
        task.twin = place->second;
        return {};
    }
    if (task.in->redelivered) {
        if (Status status = lookUp(task); !status.ok()) {
            return status;
        }
        if (!task.found && (task.in->expired || task.blind)) {
            keys_.erase(place);
            task.dropped = task.in->expired;
            refuseTask(task, Code::Internal);
            return {};
        }
    }
    task.inserts = !task.found;
    return {};
}

// Names for conversations that will be shown, fresh from the store: they are few.
Status Batch::nameMembers() {
    std::map<std::string, std::set<std::string>> wanted;
    std::set<Live*> shown;
    for (const Task& task : tasks_) {
        if (task.dropped || task.refused()) {
            continue;
        }
        const Operation operation = task.in->command.operation;
        const bool show = operation == Operation::Start ||
                          operation == Operation::Change ||
                          (task.inserts && task.live->lastSeq == 0) ||
                          (task.found && task.message.seq == 1);
        if (show && shown.insert(task.live).second) {
            const std::vector<std::string>& members = task.live->conversation.members;
            wanted[task.live->ref.site].insert(members.begin(), members.end());
        }
    }
    std::map<ConversationRef, User> known;
    for (const Task& task : tasks_) {
        if (!task.does(Operation::Start)) {
            continue;
        }
        const std::string& site = task.in->command.who.site;
        for (const Hint& hint : task.start.hints) {
            hints_.push_back({site, hint.id, hint.role, hint.name});
            known[{site, hint.id}] = hints_.back();
        }
    }
    for (const auto& [site, ids] : wanted) {
        Result<std::vector<User>> users =
            store_.users(site, std::vector<std::string>(ids.begin(), ids.end()));
        if (!users.ok()) {
            return users.status();
        }
        for (User& user : users.value()) {
            known[{site, user.id}] = std::move(user);
        }
    }
    if (shown.empty()) {
        return {};
    }
    for (const Task& task : tasks_) {
        const Identity& who = task.in->command.who;
        if (!task.dropped && !task.refused() &&
            !(who.role.empty() && who.name.empty())) {
            User& user = known[{who.site, who.user}];
            user = {who.site, who.user, who.role,
                    who.name.empty() ? user.name : who.name};
        }
    }
    for (Live* live : shown) {
        live->users.clear();
        for (const std::string& member : live->conversation.members) {
            const auto user = known.find({live->ref.site, member});
            if (user != known.end()) {
                live->users.push_back(user->second);
            }
        }
    }
    return {};
}

bool Batch::writes() const {
    for (const Task& task : tasks_) {
        if (task.dropped || task.refused()) {
            continue;
        }
        const bool changes = task.in->command.operation == Operation::Change &&
                             !made(task.mark, task.live->conversation);
        const bool confirms =
            task.confirmation != nullptr && task.confirmation->inserts;
        const Conversation& conversation = task.live->conversation;
        const bool reopens = task.reopens() && conversation.closed &&
                             task.message.seq > conversation.closedSeq;
        if (task.inserts || changes || confirms || reopens) {
            return true;
        }
        const bool reads = task.in->command.operation == Operation::Read;
        const Live& live = *task.live;
        if (reads && !task.in->expired &&
            std::min(task.upTo.value_or(live.lastSeq), live.lastSeq) >
                live.seats[task.seat].readSeq) {
            return true;
        }
    }
    for (const auto& [ref, live] : lives_) {
        if (live == nullptr || !live->used) {
            continue;
        }
        if (live->fresh ||
            std::any_of(live->seats.begin(), live->seats.end(),
                        [&](const Seat& seat) { return live->differs(seat); })) {
            return true;
        }
    }
    return false;
}

}  // namespace messaging::worker
