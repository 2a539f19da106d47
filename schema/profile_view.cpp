// Documents and answers as a profile words them, made from the canonical ones: what is
// shown, and to whom, was decided before.
#include <algorithm>

#include "schema/json.hpp"
#include "schema/limits.hpp"
#include "schema/profile.hpp"

namespace messaging {
namespace {

using json::Type;
using json::Value;
using json::Writer;

// An answer of our own: as long as a reply may be. Its keys and values are bounded by
// that length, each takes two bytes.
json::Bounds answerBounds() {
    json::Bounds bounds;
    bounds.bytes = limits::kMaxReply;
    bounds.keys = limits::kMaxReply / 2;
    bounds.values = limits::kMaxReply / 2;
    return bounds;
}

const Value& nothing() {
    static const Value kNull;
    return kNull;
}

const Value& memberOf(const Value& object, std::string_view name) {
    const Value* value = object.find(name);
    return value == nullptr ? nothing() : *value;
}

std::string_view textOf(const Value& object, std::string_view name) {
    const Value& value = memberOf(object, name);
    return value.is(Type::String) ? std::string_view(value.text) : std::string_view();
}

bool startsWith(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

bool endsWith(std::string_view text, std::string_view suffix) {
    return text.size() >= suffix.size() &&
           text.substr(text.size() - suffix.size()) == suffix;
}

class Renderer {
public:
    Renderer(const Profile& profile, const Identity& who, std::string& out)
        : profile_(profile), who_(who), writer_(out) {}

    void answer(Operation operation, Envelope envelope, const Value& body);
    void conversation(const Value& value, const Value* messages, const Value* cursor);
    void message(const Value& value);

private:
    void start(Envelope envelope, const Value& body);
    void thread(Envelope envelope, const Value& body);
    void list(Envelope envelope, const Value& body);
    void page(Envelope envelope, const Value& body);
    void messages(const Value& list);
    void raw(const Value& value) { writer_.raw(json::canonical(value)); }
    void others(const View& view, const Value& value);
    void field(const ViewField& field, const Value& value, const Value* messages);
    const Value& source(std::string_view source, const Value& value) const;
    const Value& contextual(std::string_view name, const Value& value) const;
    const Value* seat(std::string_view role, const Value& value) const;
    const Value* other(const Value& value) const;

    const Profile& profile_;
    const Identity& who_;
    Writer writer_;
};

// --- Fields

// The member that has this role.
const Value* Renderer::seat(std::string_view role, const Value& value) const {
    const std::vector<Value>& members = memberOf(value, "members").items;
    const auto found = std::find_if(
        members.begin(), members.end(),
        [&](const Value& member) { return textOf(member, "role") == role; });
    return found == members.end() ? nullptr : &*found;
}

// The member that is not the reader's own.
const Value* Renderer::other(const Value& value) const {
    const std::vector<Value>& members = memberOf(value, "members").items;
    const auto found =
        std::find_if(members.begin(), members.end(), [&](const Value& member) {
            const std::string_view id = textOf(member, "id");
            return id != who_.user && id != who_.team;
        });
    return found == members.end() ? nullptr : &*found;
}

const Value& Renderer::contextual(std::string_view name, const Value& value) const {
    const Value& context = memberOf(value, "context");
    if (name == "type" || name == "id") {
        return memberOf(context, name);
    }
    return textOf(context, "type") == name ? memberOf(context, "id") : nothing();
}

const Value& Renderer::source(std::string_view source, const Value& value) const {
    constexpr std::string_view kContext = "context.";
    constexpr std::string_view kMember = "member.";
    constexpr std::string_view kName = ".name";
    if (startsWith(source, kContext)) {
        return contextual(source.substr(kContext.size()), value);
    }
    const bool name = endsWith(source, kName);
    if (startsWith(source, kMember)) {
        std::string_view role = source.substr(kMember.size());
        role.remove_suffix(name ? kName.size() : 0);
        const Value* found = seat(role, value);
        return found == nullptr ? nothing() : memberOf(*found, name ? "name" : "id");
    }
    if (startsWith(source, "other")) {
        const Value* found = other(value);
        const size_t dot = source.find('.');
        return found == nullptr     ? nothing()
               : dot == source.npos ? memberOf(*found, "id")
                                    : memberOf(*found, source.substr(dot + 1));
    }
    return memberOf(value, source);
}

void Renderer::field(const ViewField& field, const Value& value,
                     const Value* messages) {
    writer_.key(field.name);
    if (field.source == "messages") {
        this->messages(messages == nullptr ? nothing() : *messages);
        return;
    }
    if (field.source == "lastMessage" && value.find("messages") != nullptr &&
        !memberOf(value, "messages").items.empty()) {
        message(memberOf(value, "messages").items.back());
        return;
    }
    const Value& found = source(field.source, value);
    if (!field.upper || !found.is(Type::String)) {
        raw(found);
        return;
    }
    std::string capitals = found.text;
    std::transform(capitals.begin(), capitals.end(), capitals.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    writer_.string(capitals);
}

// The canonical fields that the view does not name itself.
void Renderer::others(const View& view, const Value& value) {
    for (const Value::Member& member : value.members) {
        const bool named =
            std::any_of(view.fields.begin(), view.fields.end(),
                        [&](const ViewField& f) { return f.name == member.first; });
        if (!named && member.first != "messages") {
            writer_.key(member.first);
            raw(member.second);
        }
    }
}

// --- Documents

// `messages`: where they stand beside it; else those that it brings itself, if it does.
void Renderer::conversation(const Value& value, const Value* messages,
                            const Value* cursor) {
    const View& view = profile_.conversation;
    const Value* shown = messages != nullptr ? messages : value.find("messages");
    writer_.object();
    if (view.all) {
        others(view, value);
    }
    bool named = false;
    for (const ViewField& one : view.fields) {
        named = named || one.source == "messages";
        field(one, value, shown);
    }
    if (messages != nullptr && !named) {
        writer_.key("messages");
        this->messages(*messages);
    }
    if (cursor != nullptr) {
        writer_.key("nextCursor");
        raw(*cursor);
    }
    writer_.end();
}

void Renderer::message(const Value& value) {
    if (!value.is(Type::Object)) {
        writer_.null();
        return;
    }
    writer_.object();
    if (profile_.message.all) {
        others(profile_.message, value);
    }
    for (const ViewField& one : profile_.message.fields) {
        field(one, value, nullptr);
    }
    writer_.end();
}

void Renderer::messages(const Value& list) {
    writer_.array();
    for (const Value& item : list.items) {
        message(item);
    }
    writer_.end();
}

// --- Answers

void Renderer::start(Envelope envelope, const Value& body) {
    const Value& opened = memberOf(body, "conversation");
    const Value& first = memberOf(body, "message");
    if (envelope == Envelope::Message && first.is(Type::Object)) {
        return message(first);
    }
    if (envelope != Envelope::Canonical) {
        return conversation(opened, nullptr, nullptr);
    }
    writer_.object().key("conversation");
    conversation(opened, nullptr, nullptr);
    writer_.key("message");
    message(first);
    writer_.end();
}

void Renderer::thread(Envelope envelope, const Value& body) {
    const Value& found = memberOf(body, "conversation");
    const Value& page = memberOf(body, "messages");
    if (envelope == Envelope::Array) {
        return messages(page);
    }
    if (envelope == Envelope::Conversation && found.is(Type::Object)) {
        return conversation(found, &page, body.find("nextCursor"));
    }
    writer_.object();
    if (envelope == Envelope::Canonical) {
        writer_.key("conversation");
        if (found.is(Type::Object)) {
            conversation(found, nullptr, nullptr);
        } else {
            writer_.null();
        }
    }
    writer_.key("messages");
    messages(page);
    writer_.key("nextCursor");
    raw(memberOf(body, "nextCursor"));
    writer_.end();
}

void Renderer::list(Envelope envelope, const Value& body) {
    const auto all = [&] {
        writer_.array();
        for (const Value& item : memberOf(body, "conversations").items) {
            conversation(item, nullptr, nullptr);
        }
        writer_.end();
    };
    if (envelope == Envelope::Array) {
        return all();
    }
    writer_.object().key("me");
    raw(memberOf(body, "me"));
    writer_.key("conversations");
    all();
    writer_.key("nextCursor");
    raw(memberOf(body, "nextCursor"));
    writer_.end();
}

void Renderer::page(Envelope envelope, const Value& body) {
    if (envelope == Envelope::Array) {
        return messages(memberOf(body, "messages"));
    }
    writer_.object().key("messages");
    messages(memberOf(body, "messages"));
    writer_.key("nextCursor");
    raw(memberOf(body, "nextCursor"));
    writer_.end();
}

void Renderer::answer(Operation operation, Envelope envelope, const Value& body) {
    switch (operation) {
        case Operation::Start:
            return start(envelope, body);
        case Operation::Send:
            return message(body);
        case Operation::Change:
        case Operation::Conversation:
            return conversation(body, nullptr, nullptr);
        case Operation::Thread:
            return thread(envelope, body);
        case Operation::List:
            return list(envelope, body);
        case Operation::History:
        case Operation::Search:
            return page(envelope, body);
        case Operation::UnreadCount:
            if (envelope == Envelope::Count) {
                writer_.object().key("count");
                raw(memberOf(body, "count"));
                writer_.end();
                return;
            }
            return raw(body);
        default:
            return raw(body);
    }
}

Status notOurs(const Status& failure) {
    return {Code::Internal, "an answer that is not one: " + failure.detail()};
}

}  // namespace

Result<std::string> render(const Profile& profile, std::optional<size_t> route,
                           Operation operation, const Identity& who,
                           std::string_view body) {
    const Result<Value> value = json::parse(body, answerBounds());
    if (!value.ok()) {
        return notOurs(value.status());
    }
    Envelope envelope = Envelope::Canonical;
    if (route && *route < profile.answers.size() &&
        fits(operation, profile.answers[*route])) {
        envelope = profile.answers[*route];
    }
    std::string out;
    Renderer(profile, who, out).answer(operation, envelope, value.value());
    return out;
}

Result<std::string> renderEvent(const Profile& profile, const Event& event,
                                const Identity& who) {
    if (event.type != "message" && event.type != "conversation") {
        return event.data;
    }
    const Result<Value> value = json::parse(event.data, answerBounds());
    if (!value.ok()) {
        return notOurs(value.status());
    }
    std::string out;
    Renderer renderer(profile, who, out);
    if (event.type == "message") {
        renderer.message(value.value());
    } else {
        renderer.conversation(value.value(), nullptr, nullptr);
    }
    return out;
}

}  // namespace messaging
