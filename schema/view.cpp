// Documents as clients see them: members in a fixed order, null for what is absent.
#include <algorithm>

#include "schema/json.hpp"
#include "schema/model.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

using json::Writer;

void writeTextOrNull(Writer& writer, std::string_view name, std::string_view text) {
    writer.key(name);
    if (text.empty()) {
        writer.null();
    } else {
        writer.string(text);
    }
}

void writeMember(Writer& writer, std::string_view id, const std::vector<User>& users) {
    const auto user = std::find_if(users.begin(), users.end(),
                                   [&](const User& known) { return known.id == id; });
    const bool known = user != users.end();
    writer.object().member("id", id);
    writeTextOrNull(writer, "role", known ? user->role : teamRole(id));
    writeTextOrNull(writer, "name", known ? user->name : std::string_view());
    writer.key("online");
    if (known && user->online) {
        writer.boolean(*user->online);
    } else {
        writer.null();
    }
    const bool seen = known && user->lastSeen != 0;
    writeTextOrNull(writer, "lastSeenAt",
                    seen ? isoTime(user->lastSeen) : std::string());
    writer.end();
}

void writeContext(Writer& writer, const Context& context) {
    writer.key("context");
    if (context.type.empty()) {
        writer.null();
        return;
    }
    writer.object().member("type", context.type).member("id", context.id).end();
}

void writeLastMessage(Writer& writer, const Preview& last) {
    writer.key("lastMessage");
    if (last.seq == 0) {
        writer.null();
        return;
    }
    writer.object()
        .member("seq", last.seq)
        .member("senderId", last.sender)
        .member("content", preview(last.content, limits::kPreview))
        .member("createdAt", isoTime(last.createdAt))
        .end();
}

}  // namespace

std::string messageId(const Message& message) {
    return message.conversation + '.' + std::to_string(message.seq);
}

std::string messageView(const Message& message, bool read) {
    std::string view;
    Writer writer(view);
    writer.object()
        .member("id", messageId(message))
        .member("conversationId", message.conversation)
        .member("seq", message.seq)
        .member("senderId", message.sender);
    writeTextOrNull(writer, "senderRole", message.senderRole);
    writer.member("content", message.content);
    writeContext(writer, message.context);
    writer.member("type", message.type.empty() ? kText : message.type);
    writer.key("data").raw(message.data.empty() ? "null" : message.data);
    writer.member("createdAt", isoTime(message.createdAt))
        .key("read")
        .boolean(read)
        .end();
    return view;
}

std::string conversationView(const Conversation& conversation,
                             const std::string& viewer, const Membership& mine,
                             const std::vector<User>& users) {
    std::string view;
    Writer writer(view);
    writer.object()
        .member("id", conversation.id)
        .member("kind", conversation.kind)
        .member("status", conversation.closed ? kClosed : kOpen);
    writeTextOrNull(writer, "subject", conversation.subject);
    writeContext(writer, conversation.context);
    writer.key("members").array();
    for (const std::string& member : conversation.members) {
        writeMember(writer, member, users);
    }
    writer.end().member("member", viewer);
    writer.member("createdAt", isoTime(conversation.createdAt));
    const Preview& last = mine.preview;
    writeTextOrNull(writer, "lastMessageAt",
                    last.seq == 0 ? std::string() : isoTime(last.createdAt));
    writeLastMessage(writer, last);
    writer.member("lastSeq", mine.lastSeq)
        .member("readSeq", mine.readSeq)
        .member("unreadCount", mine.unread());
    writer.key("archived").boolean(isArchived(conversation, viewer));
    writer.member("rev", conversation.rev).end();
    return view;
}

std::string identityView(const Identity& who) {
    std::string view;
    Writer writer(view);
    writer.object().member("id", who.user);
    writeTextOrNull(writer, "role", who.role);
    writeTextOrNull(writer, "name", who.name);
    writer.key("teams").array();
    if (!who.team.empty()) {
        writer.string(who.team);
    }
    writer.end().end();
    return view;
}

std::string unreadEvent(const Membership& membership) {
    std::string data;
    Writer(data)
        .object()
        .member("conversationId", membership.conversation)
        .member("member", membership.member)
        .member("lastSeq", membership.lastSeq)
        .member("sent", membership.sent)
        .member("readSeq", membership.readSeq)
        .member("readSent", membership.readSent)
        .member("unreadCount", membership.unread())
        .end();
    return data;
}

std::string readEvent(std::string_view conversation, std::string_view member,
                      std::string_view user, uint64_t readSeq) {
    std::string data;
    Writer(data)
        .object()
        .member("conversationId", conversation)
        .member("member", member)
        .member("userId", user)
        .member("readSeq", readSeq)
        .end();
    return data;
}

std::string presenceEvent(std::string_view user, const PresenceArguments& presence) {
    std::string data;
    Writer writer(data);
    writer.object().member("userId", user).key("online").boolean(presence.online);
    writer.member("lastSeenAt", isoTime(presence.lastSeen)).end();
    return data;
}

std::string typingEvent(std::string_view conversation, const Identity& who,
                        bool typing) {
    std::string data;
    Writer writer(data);
    writer.object().member("conversationId", conversation).member("userId", who.user);
    writeTextOrNull(writer, "name", who.name);
    writer.key("typing").boolean(typing).end();
    return data;
}

std::string readView(const Membership& membership) {
    std::string view;
    Writer(view)
        .object()
        .member("conversationId", membership.conversation)
        .member("readSeq", membership.readSeq)
        .member("unreadCount", membership.unread())
        .end();
    return view;
}

std::string revokedEvent(std::string_view inbox) {
    std::string data;
    Writer(data).object().member("inbox", inbox.substr(0, kRevokedDigits)).end();
    return data;
}

}  // namespace messaging
