// Encoders trust their own program; decoders trust nobody. Every decoder has one
// grammar and takes nothing beside it, so that two versions never half understand each
// other.
#include "schema/wire.hpp"

#include <algorithm>

#include "schema/json.hpp"
#include "schema/limits.hpp"
#include "schema/problem.hpp"
#include "schema/profile.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

struct OperationKind {
    Operation operation;
    std::string_view name;
    bool command;       // goes to a worker
    bool write;         // by way of its conversation's shard
    bool conversation;  // is about one
    bool key;           // stores something that a repeat must find
};

constexpr OperationKind kOperations[] = {
    {Operation::Start, "start", true, true, true, true},
    {Operation::Send, "send", true, true, true, true},
    {Operation::Read, "read", true, true, true, false},
    {Operation::Change, "change", true, true, true, true},
    {Operation::History, "history", true, false, true, false},
    {Operation::List, "list", true, false, false, false},
    {Operation::Conversation, "conversation", true, false, true, false},
    {Operation::Thread, "thread", true, false, false, false},
    {Operation::UnreadCount, "unread-count", true, false, false, false},
    {Operation::Search, "search", true, false, false, false},
    {Operation::Typing, "typing", true, false, true, false},
    {Operation::Presence, "presence", true, false, false, false},
    {Operation::Stream, "stream", false, false, false, false},
    {Operation::Status, "status", false, false, false, false},
};

const OperationKind& kindOf(Operation operation) {
    for (const OperationKind& kind : kOperations) {
        if (kind.operation == operation) {
            return kind;
        }
    }
    return kOperations[0];  // there is no other value
}

// In the order of the entry's fields.
enum Field {
    kV,
    kOp,
    kId,
    kSite,
    kUser,
    kRole,
    kName,
    kTeam,
    kConv,
    kKey,
    kBody,
    kReply,
    kTtl,
    kProfile
};

constexpr std::string_view kFields[] = {"v",    "op",    "id",   "site",   "user",
                                        "role", "name",  "team", "conv",   "key",
                                        "body", "reply", "ttl",  "profile"};
constexpr size_t kFieldCount = sizeof kFields / sizeof kFields[0];

constexpr size_t kCommandId = 32;
constexpr size_t kMaxChannel = 256;
constexpr size_t kMaxEventType = 32;
constexpr size_t kMaxFieldName = 64;
constexpr std::string_view kNoId = "-";

bool isLowerHex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool isFieldName(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '_' || c == '-' || c == '.' || c == '?';
}

template <typename Test>
bool all(std::string_view text, Test test) {
    return std::all_of(text.begin(), text.end(), test);
}

bool validCommandId(std::string_view id) {
    return id.size() == kCommandId && all(id, isLowerHex);
}

bool validChannel(std::string_view channel) {
    return !channel.empty() && channel.size() <= kMaxChannel &&
           all(channel, [](char c) { return c > ' ' && c < '\x7F'; });
}

bool validKey(std::string_view key) {
    return isCommandKey(key) && validId(key.substr(2));
}

bool validEventType(std::string_view type) {
    return !type.empty() && type.size() <= kMaxEventType &&
           all(type, [](char c) { return c >= 'a' && c <= 'z'; });
}

Status invalid(Field field) {
    const std::string name(kFields[field]);
    return {Code::InvalidField, "command: " + name, name};
}

Status broken(const char* what) {
    return {Code::Internal, what};
}

// A field's name where it is a line's last word. A client may have invented it, so what
// is not a plain name is made one.
std::string plainFieldName(std::string_view field) {
    if (field.empty() || field == "-") {
        return field.empty() ? "-" : "?";
    }
    std::string name(field.substr(0, kMaxFieldName));
    for (char& c : name) {
        c = isFieldName(c) ? c : '?';
    }
    return name;
}

// The part of `text` before `end`, which is taken off with it; nothing where it has
// none.
std::optional<std::string_view> take(std::string_view& text, char end) {
    const size_t at = text.find(end);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view part = text.substr(0, at);
    text.remove_prefix(at + 1);
    return part;
}

// Takes "1 " off; another version, or nothing like it, is a failure.
Status takeVersion(std::string_view& text) {
    const std::optional<std::string_view> version = take(text, ' ');
    const std::optional<uint64_t> number =
        version ? parseUnsigned(*version) : std::optional<uint64_t>();
    if (!number) {
        return broken("no version");
    }
    if (*version != std::to_string(limits::kProtocolVersion)) {
        return {Code::UnsupportedVersion,
                "protocol version " + std::to_string(*number)};
    }
    return {};
}

// What the fields of an entry say, by field; absent ones are empty.
struct Entry {
    std::string_view values[kFieldCount];
    bool present[kFieldCount] = {};
    bool foreign = false;  // a field that is unknown, or there twice

    std::string_view operator[](Field field) const { return values[field]; }
};

Entry sortFields(const Fields& fields) {
    Entry entry;
    for (const auto& [name, value] : fields) {
        const auto* at = std::find(std::begin(kFields), std::end(kFields), name);
        const auto index = static_cast<size_t>(at - std::begin(kFields));
        if (index == kFieldCount || entry.present[index]) {
            entry.foreign = true;
            continue;
        }
        entry.present[index] = true;
        entry.values[index] = value;
    }
    return entry;
}

Status checkIdentity(const Entry& entry) {
    if (!validId(entry[kSite])) {
        return invalid(kSite);
    }
    if (!validUser(entry[kUser])) {
        return invalid(kUser);
    }
    if (!validName(entry[kRole], limits::kMaxName)) {
        return invalid(kRole);
    }
    if (!validName(entry[kName], limits::kMaxName)) {
        return invalid(kName);
    }
    const std::string_view team = entry[kTeam];
    if (!team.empty() && (teamRole(team).empty() || teamRole(team) != entry[kRole])) {
        return invalid(kTeam);
    }
    return {};
}

Status checkOperation(const Entry& entry, const OperationKind& kind) {
    // A thread is asked for by its id, or as the newest one of a context.
    const bool thread = kind.operation == Operation::Thread;
    const bool none = entry[kConv].empty() && (thread || !kind.conversation);
    const bool one = validId(entry[kConv]) && (thread || kind.conversation);
    if (!none && !one) {
        return invalid(kConv);
    }
    const bool noKey = entry[kKey].empty() && !kind.key;
    if (!noKey && !validKey(entry[kKey])) {
        return invalid(kKey);
    }
    if (entry[kBody].size() > limits::kMaxArguments || !countCharacters(entry[kBody])) {
        return invalid(kBody);
    }
    return {};
}

}  // namespace

bool isCommandKey(std::string_view key) {
    const std::string_view prefix = key.substr(0, 2);
    return key.size() > 2 && (prefix == "c:" || prefix == "i:");
}

std::string_view operationName(Operation operation) {
    return kindOf(operation).name;
}

std::optional<Operation> operationNamed(std::string_view name) {
    for (const OperationKind& kind : kOperations) {
        if (kind.name == name) {
            return kind.operation;
        }
    }
    return std::nullopt;
}

bool isWrite(Operation operation) {
    return kindOf(operation).write;
}

Fields encodeCommand(const Command& command, std::string& scratch) {
    const std::string version = std::to_string(limits::kProtocolVersion);
    scratch = version + std::to_string(command.ttl);
    const std::string_view numbers = scratch;
    Fields fields = {
        {kFields[kV], numbers.substr(0, version.size())},
        {kFields[kOp], operationName(command.operation)},
        {kFields[kId], command.id},
        {kFields[kSite], command.who.site},
        {kFields[kUser], command.who.user},
        {kFields[kRole], command.who.role},
        {kFields[kName], command.who.name},
        {kFields[kTeam], command.who.team},
        {kFields[kConv], command.conversation},
        {kFields[kKey], command.key},
        {kFields[kBody], command.body},
        {kFields[kReply], command.reply},
        {kFields[kTtl], numbers.substr(version.size())},
    };
    if (!command.profile.empty()) {
        fields.emplace_back(kFields[kProfile], command.profile);
    }
    return fields;
}

Result<Command> decodeCommand(const Fields& fields, Command* partial) {
    const Entry entry = sortFields(fields);
    if (partial != nullptr) {
        *partial = Command();
        partial->id = validCommandId(entry[kId]) ? entry[kId] : std::string_view();
        partial->reply =
            validChannel(entry[kReply]) ? entry[kReply] : std::string_view();
    }
    const std::optional<uint64_t> version = parseUnsigned(entry[kV]);
    if (!version) {
        return invalid(kV);
    }
    if (*version != limits::kProtocolVersion) {
        return {Code::UnsupportedVersion,
                "command of protocol version " + std::to_string(*version)};
    }
    if (entry.foreign) {
        return {Code::InvalidField, "command: a field that is unknown or there twice"};
    }
    const std::optional<Operation> operation = operationNamed(entry[kOp]);
    if (!operation || !kindOf(*operation).command) {
        return invalid(kOp);
    }
    if (!validCommandId(entry[kId])) {
        return invalid(kId);
    }
    if (!validChannel(entry[kReply])) {
        return invalid(kReply);
    }
    const std::optional<uint64_t> ttl = parseUnsigned(entry[kTtl]);
    if (!ttl || *ttl == 0 || *ttl > limits::kReadSeconds * uint64_t{1000}) {
        return invalid(kTtl);
    }
    if (Status status = checkIdentity(entry); !status.ok()) {
        return status;
    }
    if (Status status = checkOperation(entry, kindOf(*operation)); !status.ok()) {
        return status;
    }
    if (!entry[kProfile].empty() && !parseProfileRef(entry[kProfile])) {
        return invalid(kProfile);
    }
    Command command;
    command.operation = *operation;
    command.id = entry[kId];
    command.who.site = entry[kSite];
    command.who.user = entry[kUser];
    command.who.role = entry[kRole];
    command.who.name = entry[kName];
    command.who.team = entry[kTeam];
    command.conversation = entry[kConv];
    command.key = entry[kKey];
    command.body = entry[kBody];
    command.reply = entry[kReply];
    command.ttl = static_cast<uint32_t>(*ttl);
    command.profile = entry[kProfile];
    return command;
}

std::string encodeReply(const Reply& reply) {
    const bool failure = reply.code != Code::Ok;
    const ProblemKind& problem = problemKind(reply.code);
    std::string bytes = std::to_string(limits::kProtocolVersion);
    bytes.reserve(reply.id.size() + reply.body.size() + 2 * kMaxFieldName);
    bytes += ' ';
    bytes += reply.id;
    bytes += ' ';
    bytes += std::to_string(failure ? problem.status : reply.status);
    bytes += ' ';
    bytes += failure ? problem.name : "-";
    bytes += ' ';
    bytes += failure || reply.seq == 0
                 ? plainFieldName(reply.field)
                 : std::to_string(reply.seq) + ' ' + reply.conversation;
    bytes += '\n';
    if (!failure) {
        bytes += reply.body;
    }
    return bytes;
}

// "-", or "SEQ CONVERSATION".
static bool decodeShown(std::string_view field, Reply* reply) {
    if (field == "-") {
        return true;
    }
    const std::optional<std::string_view> seq = take(field, ' ');
    const std::optional<uint64_t> number = seq ? parseUnsigned(*seq) : std::nullopt;
    if (!number || *number == 0 || seq->front() == '0' || !validId(field)) {
        return false;
    }
    reply->seq = *number;
    reply->conversation = field;
    return true;
}

Result<Reply> decodeReply(std::string_view bytes) {
    if (bytes.size() > limits::kMaxReply) {
        return broken("reply: too long");
    }
    if (Status status = takeVersion(bytes); !status.ok()) {
        return status;
    }
    const auto id = take(bytes, ' ');
    const auto status = take(bytes, ' ');
    const auto code = take(bytes, ' ');
    const auto field = take(bytes, '\n');
    if (!id || !status || !code || !field) {
        return broken("reply: cut short");
    }
    const std::optional<uint64_t> number = parseUnsigned(*status);
    if (!validCommandId(*id) || !number || status->size() != 3) {
        return broken("reply: id or status");
    }
    Reply reply;
    reply.id = *id;
    reply.status = static_cast<int>(*number);
    if (*code == "-") {
        if (reply.status < 200 || reply.status > 299 || !decodeShown(*field, &reply)) {
            return broken("reply: status of a success");
        }
        if (!bytes.empty() && !json::validLine(bytes)) {
            return broken("reply: body");
        }
        reply.body = bytes;
        return reply;
    }
    if (field->empty() || field->size() > kMaxFieldName || !all(*field, isFieldName)) {
        return broken("reply: field");
    }
    reply.field = *field == "-" ? std::string_view() : *field;
    const std::optional<Code> named = codeNamed(*code);
    if (!named || problemKind(*named).status != reply.status || !bytes.empty()) {
        return broken("reply: failure");
    }
    reply.code = *named;
    return reply;
}

std::string encodeEvents(const std::vector<Event>& events) {
    std::string bytes;
    for (const Event& event : events) {
        bytes += event.type;
        bytes += ' ';
        bytes += event.data;
        bytes += '\n';
    }
    return bytes;
}

Result<std::vector<Event>> decodeEvents(std::string_view bytes) {
    if (bytes.size() > limits::kMaxReply) {
        return broken("events: too long");
    }
    std::vector<Event> events;
    while (!bytes.empty()) {
        std::optional<std::string_view> line = take(bytes, '\n');
        if (!line || line->size() > limits::kMaxEvent) {
            return broken("event: length");
        }
        const auto type = take(*line, ' ');
        if (!type || !validEventType(*type) || !json::validLine(*line)) {
            return broken("event: type or data");
        }
        events.push_back({std::string(*type), std::string(*line)});
    }
    return events;
}

std::optional<LogId> parseLogId(std::string_view text) {
    const auto milliseconds = take(text, '-');
    if (!milliseconds) {
        return std::nullopt;
    }
    const auto first = parseUnsigned(*milliseconds);
    const auto second = parseUnsigned(text);
    const auto leadingZero = [](std::string_view digits) {
        return digits.size() > 1 && digits[0] == '0';
    };
    if (!first || !second || leadingZero(*milliseconds) || leadingZero(text)) {
        return std::nullopt;
    }
    return LogId{*first, *second};
}

std::string formatLogId(const LogId& id) {
    return std::to_string(id.milliseconds) + '-' + std::to_string(id.sequence);
}

Result<Announcement> decodeAnnouncement(std::string_view bytes) {
    if (Status status = takeVersion(bytes); !status.ok()) {
        return status;
    }
    const auto before = take(bytes, ' ');
    const auto now = take(bytes, '\n');
    if (!before || !now) {
        return broken("announcement: cut short");
    }
    if (*before == kNoId && *now == kNoId) {
        Result<std::vector<Event>> events = decodeEvents(bytes);
        return events.ok()
                   ? Result(Announcement{{}, {}, std::move(events.value()), true})
                   : events.status();
    }
    const std::optional<LogId> previous = parseLogId(*before);
    const std::optional<LogId> id = parseLogId(*now);
    if (!previous || !id) {
        return broken("announcement: ids");
    }
    const bool noLog = *previous == LogId() && *id == LogId();
    if (!noLog && !(*previous < *id)) {
        return broken("announcement: order");
    }
    Result<std::vector<Event>> events = decodeEvents(bytes);
    if (!events.ok()) {
        return events.status();
    }
    return Announcement{*previous, *id, std::move(events.value())};
}

std::string encodeWhisper(const std::vector<Event>& events) {
    return std::to_string(limits::kProtocolVersion) + " - -\n" + encodeEvents(events);
}

}  // namespace messaging
