// Documents to and from what the rest of the worker knows.
#include "worker/store_mongo_impl.hpp"

namespace messaging::worker::mongo {

Document documentOf(const Conversation& conversation) {
    Array members;
    for (const auto& member : conversation.members) {
        members.text(member);
    }
    Document document;
    document.text("site", conversation.site).text("id", conversation.id);
    document.text("kind", conversation.kind).text("subject", conversation.subject);
    document.text("contextType", conversation.context.type);
    document.text("contextId", conversation.context.id).array("members", members);
    document.text("starter", conversation.starter);
    document.number("createdAt", conversation.createdAt);
    return document;
}

Conversation conversationFrom(const View& found) {
    Conversation conversation;
    conversation.site = found.text("site");
    conversation.id = found.text("id");
    conversation.kind = found.text("kind");
    conversation.subject = found.text("subject");
    conversation.context.type = found.text("contextType");
    conversation.context.id = found.text("contextId");
    found.each("members", [&](const bson_iter_t& member) {
        conversation.members.push_back(textOf(member));
    });
    conversation.starter = found.text("starter");
    conversation.createdAt = found.number("createdAt");
    conversation.closed = found.flag("closed");
    conversation.closedSeq = found.number("closedSeq");
    found.each("archived", [&](const bson_iter_t& member) {
        conversation.archived.push_back(textOf(member));
    });
    conversation.rev = found.number("rev");
    found.each("changes", [&](const bson_iter_t& mark) {
        conversation.changes.push_back(textOf(mark));
    });
    return conversation;
}

Document changesOf(const Conversation& conversation) {
    Array archived, changes;
    for (const auto& member : conversation.archived) {
        archived.text(member);
    }
    for (const auto& mark : conversation.changes) {
        changes.text(mark);
    }
    Document document;
    document.text("subject", conversation.subject);
    document.flag("closed", conversation.closed);
    document.number("closedSeq", conversation.closedSeq);
    document.array("archived", archived).number("rev", conversation.rev);
    document.array("changes", changes);
    return document;
}

Document documentOf(const Message& message) {
    Document document;
    document.text("site", message.site).text("conversation", message.conversation);
    document.number("seq", message.seq).text("sender", message.sender);
    document.text("senderRole", message.senderRole).text("member", message.member);
    document.number("ordinal", message.ordinal).text("key", message.key);
    document.text("fingerprint", message.fingerprint).text("content", message.content);
    document.number("createdAt", message.createdAt);
    // Few messages have these; what is absent reads as "".
    const std::pair<const char*, const std::string&> extras[] = {
        {"contextType", message.context.type},
        {"contextId", message.context.id},
        {"type", message.type},
        {"data", message.data}};
    for (const auto& [name, value] : extras) {
        if (!value.empty()) {
            document.text(name, value);
        }
    }
    return document;
}

Message messageFrom(const View& found) {
    Message message;
    message.site = found.text("site");
    message.conversation = found.text("conversation");
    message.seq = found.number("seq");
    message.sender = found.text("sender");
    message.senderRole = found.text("senderRole");
    message.member = found.text("member");
    message.ordinal = found.number("ordinal");
    message.key = found.text("key");
    message.fingerprint = found.text("fingerprint");
    message.content = found.text("content");
    message.createdAt = found.number("createdAt");
    message.context.type = found.text("contextType");
    message.context.id = found.text("contextId");
    message.type = found.text("type");
    message.data = found.text("data");
    return message;
}

Document documentOf(const Preview& preview) {
    Document document;
    document.number("seq", preview.seq).text("sender", preview.sender);
    document.text("content", preview.content).number("createdAt", preview.createdAt);
    return document;
}

Document documentOf(const Membership& membership) {
    Document document = filterOf(membership);
    document.number("lastSeq", membership.lastSeq).number("sent", membership.sent);
    document.number("readSeq", membership.readSeq);
    document.number("readSent", membership.readSent);
    document.number("activity", membership.activity);
    document.document("preview", documentOf(membership.preview));
    if (membership.rev > 0) {
        document.number("rev", membership.rev).flag("closed", membership.closed);
        document.flag("archived", membership.archived);
    }
    return document;
}

Membership membershipFrom(const View& found) {
    Membership membership;
    membership.site = found.text("site");
    membership.conversation = found.text("conversation");
    membership.member = found.text("member");
    membership.lastSeq = found.number("lastSeq");
    membership.sent = found.number("sent");
    membership.readSeq = found.number("readSeq");
    membership.readSent = found.number("readSent");
    membership.activity = found.number("activity");
    membership.preview.seq = found.number("preview.seq");
    membership.preview.sender = found.text("preview.sender");
    membership.preview.content = found.text("preview.content");
    membership.preview.createdAt = found.number("preview.createdAt");
    membership.rev = found.number("rev");
    membership.closed = found.flag("closed");
    membership.archived = found.flag("archived");
    membership.context.type = found.text("contextType");
    membership.context.id = found.text("contextId");
    return membership;
}

Document bound(const char* operation, uint64_t value) {
    Document document;
    document.number(operation, value);
    return document;
}

Document sorted(std::initializer_list<std::pair<const char*, int>> keys,
                unsigned limit) {
    Document sort, options;
    for (const auto& [key, direction] : keys) {
        sort.order(key, direction);
    }
    options.document("sort", sort).number("limit", limit);
    return options;
}

Document filterOf(const ConversationRef& ref) {
    Document filter;
    filter.text("site", ref.site).text("conversation", ref.id);
    return filter;
}

Document filterOf(const Membership& membership) {
    Document filter;
    filter.text("site", membership.site).text("member", membership.member);
    filter.text("conversation", membership.conversation);
    return filter;
}

}  // namespace messaging::worker::mongo
