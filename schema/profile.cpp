// A profile's text and back, and the words that its block may use.
#include "schema/profile.hpp"

#include <algorithm>
#include <array>

#include "schema/hash.hpp"
#include "schema/json.hpp"
#include "schema/limits.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

using json::Type;
using json::Value;
using json::Writer;

constexpr size_t kHashDigits = 32;

// Of a profile as text: its fields, rules and one long confirmation are a tenth of it.
constexpr size_t kMaxProfile = 64 * 1024;

struct EnvelopeWord {
    Envelope envelope;
    std::string_view name;
};

constexpr std::array<EnvelopeWord, 5> kEnvelopes = {{
    {Envelope::Canonical, "canonical"},
    {Envelope::Array, "array"},
    {Envelope::Conversation, "conversation"},
    {Envelope::Message, "message"},
    {Envelope::Count, "count"},
}};

// All that conversationView() and messageView() write, and what is made of it.
constexpr std::string_view kConversationSources[] = {
    "id",      "kind",       "status",      "subject",       "context",
    "members", "member",     "createdAt",   "lastMessageAt", "lastMessage",
    "lastSeq", "readSeq",    "unreadCount", "archived",      "rev",
    "other",   "other.name", "other.role",  "messages"};

constexpr std::string_view kMessageSources[] = {
    "id",      "conversationId", "seq",  "senderId",  "senderRole", "content",
    "context", "type",           "data", "createdAt", "read"};

template <typename List>
bool holds(const List& list, std::string_view word) {
    return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

bool afterPrefix(std::string_view source, std::string_view prefix,
                 std::string_view* rest) {
    if (source.substr(0, prefix.size()) != prefix) {
        return false;
    }
    *rest = source.substr(prefix.size());
    return true;
}

// "ROLE" or "ROLE.name".
bool namesRole(std::string_view rest) {
    constexpr std::string_view kName = ".name";
    if (rest.size() > kName.size() &&
        rest.substr(rest.size() - kName.size()) == kName) {
        rest.remove_suffix(kName.size());
    }
    return validWord(rest);
}

// --- Out

void writeView(Writer& writer, const View& view) {
    writer.object().key("all").boolean(view.all).key("fields").array();
    for (const ViewField& field : view.fields) {
        writer.array().string(field.name).string(field.source);
        writer.boolean(field.upper).end();
    }
    writer.end().end();
}

void writeWords(Writer& writer, std::string_view name,
                const std::vector<std::string>& words) {
    writer.key(name).array();
    for (const std::string& word : words) {
        writer.string(word);
    }
    writer.end();
}

void writeRules(Writer& writer, const Rules& rules) {
    writer.object();
    writeWords(writer, "openers", rules.openers);
    writeWords(writer, "changers", rules.changers);
    writer.key("contentRequired").boolean(rules.contentRequired);
    writer.key("reopens").boolean(rules.reopens);
    writer.key("knownOnly").boolean(rules.knownOnly);
    writer.member("confirmer", rules.confirmer);
    writer.member("confirmation", rules.confirmation).end();
}

// --- In: by the form that encode() gives and no other

Status bad(std::string_view part) {
    return {Code::InvalidField, "profile", std::string(part)};
}

bool readBool(const Value& object, std::string_view name, bool* out) {
    const Value* value = object.find(name);
    if (value == nullptr || !value->is(Type::Bool)) {
        return false;
    }
    *out = value->boolean;
    return true;
}

bool readText(const Value& object, std::string_view name, size_t most,
              std::string* out) {
    const Value* value = object.find(name);
    if (value == nullptr || !value->is(Type::String)) {
        return false;
    }
    const std::optional<size_t> characters = countCharacters(value->text);
    if (!characters || *characters > most) {
        return false;
    }
    *out = value->text;
    return true;
}

bool readRoles(const Value& object, std::string_view name,
               std::vector<std::string>* out) {
    const Value* list = object.find(name);
    if (list == nullptr || !list->is(Type::Array)) {
        return false;
    }
    for (const Value& item : list->items) {
        if (!item.is(Type::String) || !validName(item.text, limits::kMaxName)) {
            return false;
        }
        out->push_back(item.text);
    }
    return true;
}

bool readField(const Value& value, Document document, ViewField* field) {
    if (!value.is(Type::Array) || value.items.size() != 3 ||
        !value.items[0].is(Type::String) || !value.items[1].is(Type::String) ||
        !value.items[2].is(Type::Bool)) {
        return false;
    }
    *field = {value.items[0].text, value.items[1].text, value.items[2].boolean};
    return validWord(field->name) && knownSource(document, field->source);
}

bool readView(const Value& object, std::string_view name, Document document,
              View* view) {
    const Value* value = object.find(name);
    const Value* fields = value == nullptr ? nullptr : value->find("fields");
    if (fields == nullptr || !fields->is(Type::Array) ||
        !readBool(*value, "all", &view->all)) {
        return false;
    }
    view->fields.resize(fields->items.size());
    for (size_t i = 0; i < view->fields.size(); ++i) {
        if (!readField(fields->items[i], document, &view->fields[i])) {
            return false;
        }
    }
    return true;
}

bool readRules(const Value& object, Rules* rules) {
    const Value* value = object.find("rules");
    return value != nullptr && readRoles(*value, "openers", &rules->openers) &&
           readRoles(*value, "changers", &rules->changers) &&
           readBool(*value, "contentRequired", &rules->contentRequired) &&
           readBool(*value, "reopens", &rules->reopens) &&
           readBool(*value, "knownOnly", &rules->knownOnly) &&
           readText(*value, "confirmer", limits::kMaxName, &rules->confirmer) &&
           readText(*value, "confirmation", limits::kMaxContent, &rules->confirmation);
}

bool readAnswers(const Value& object, std::vector<Envelope>* answers) {
    const Value* value = object.find("answers");
    if (value == nullptr || !value->is(Type::Array)) {
        return false;
    }
    for (const Value& item : value->items) {
        const std::optional<Envelope> envelope =
            item.is(Type::String) ? envelopeNamed(item.text) : std::nullopt;
        if (!envelope) {
            return false;
        }
        answers->push_back(*envelope);
    }
    return true;
}

bool isHash(std::string_view text) {
    return text.size() == kHashDigits &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

bool knownSource(Document document, std::string_view source) {
    std::string_view rest;
    if (afterPrefix(source, "context.", &rest)) {
        return validWord(rest);
    }
    if (document == Document::Message) {
        return holds(kMessageSources, source);
    }
    return holds(kConversationSources, source) ||
           (afterPrefix(source, "member.", &rest) && namesRole(rest));
}

std::optional<Envelope> envelopeNamed(std::string_view name) {
    for (const EnvelopeWord& word : kEnvelopes) {
        if (word.name == name) {
            return word.envelope;
        }
    }
    return std::nullopt;
}

std::string_view envelopeName(Envelope envelope) {
    for (const EnvelopeWord& word : kEnvelopes) {
        if (word.envelope == envelope) {
            return word.name;
        }
    }
    return kEnvelopes[0].name;  // there is no other value
}

bool fits(Operation operation, Envelope envelope) {
    switch (envelope) {
        case Envelope::Canonical:
            return true;
        case Envelope::Array:
            return operation == Operation::List || operation == Operation::History ||
                   operation == Operation::Thread || operation == Operation::Search;
        case Envelope::Conversation:
            return operation == Operation::Start || operation == Operation::Thread;
        case Envelope::Message:
            return operation == Operation::Start;
        case Envelope::Count:
            return operation == Operation::UnreadCount;
    }
    return false;
}

std::string encode(const Profile& profile) {
    std::string text;
    Writer writer(text);
    writer.object().member("name", profile.name);
    writer.key("conversation");
    writeView(writer, profile.conversation);
    writer.key("message");
    writeView(writer, profile.message);
    writer.key("answers").array();
    for (const Envelope envelope : profile.answers) {
        writer.string(envelopeName(envelope));
    }
    writer.end().key("rules");
    writeRules(writer, profile.rules);
    writer.end();
    return text;
}

Result<Profile> parseProfile(std::string_view text) {
    json::Bounds bounds;
    bounds.bytes = kMaxProfile;
    const Result<Value> object = json::parse(text, bounds);
    if (!object.ok()) {
        return object.status();
    }
    Profile profile;
    if (!readText(object.value(), "name", limits::kMaxWord, &profile.name)) {
        return bad("name");
    }
    if (!readView(object.value(), "conversation", Document::Conversation,
                  &profile.conversation)) {
        return bad("conversation");
    }
    if (!readView(object.value(), "message", Document::Message, &profile.message)) {
        return bad("message");
    }
    if (!readAnswers(object.value(), &profile.answers)) {
        return bad("answers");
    }
    if (!readRules(object.value(), &profile.rules)) {
        return bad("rules");
    }
    return profile;
}

std::string profileHash(std::string_view encoded) {
    return digest({"profile", encoded});
}

std::string format(const ProfileRef& ref) {
    return ref.route ? ref.hash + ':' + std::to_string(*ref.route) : ref.hash;
}

std::optional<ProfileRef> parseProfileRef(std::string_view text) {
    ProfileRef ref;
    const size_t colon = text.find(':');
    ref.hash = text.substr(0, colon);
    if (!isHash(ref.hash)) {
        return std::nullopt;
    }
    if (colon != std::string_view::npos) {
        const std::optional<uint64_t> route = parseUnsigned(text.substr(colon + 1));
        if (!route || *route >= limits::kMaxRoutes) {
            return std::nullopt;
        }
        ref.route = static_cast<size_t>(*route);
    }
    return ref;
}

}  // namespace messaging
