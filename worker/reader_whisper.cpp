// Whispers go to those who look now, and nobody waits for them; see the header.
#include "worker/reader_whisper.hpp"

#include <optional>
#include <set>
#include <string>

#include "schema/limits.hpp"

namespace messaging::worker {

Answer sayTyping(Store& store, const Command& command,
                 std::vector<Publication>* whispers) {
    const Result<TypingArguments> arguments = parseTyping(command.body);
    if (!arguments.ok()) {
        return arguments.status();
    }
    const ConversationRef ref{command.who.site, command.conversation};
    const Result<Conversation> conversation = findConversation(store, ref, command.who);
    if (!conversation.ok()) {
        return conversation.status();
    }
    const std::string& oneself = *memberOf(conversation.value(), command.who);
    const std::vector<Event> events{
        {"typing", typingEvent(conversation->id, command.who, arguments->typing)}};
    for (const std::string& member : conversation->members) {
        if (member != oneself && whispers != nullptr) {
            whispers->push_back({ref.site, member, events});
        }
    }
    return std::string();
}

Answer sayPresence(Store& store, const Command& command,
                   std::vector<Publication>* whispers) {
    const Result<PresenceArguments> arguments = parsePresence(command.body);
    if (!arguments.ok()) {
        return arguments.status();
    }
    const std::string& site = command.who.site;
    const Result<std::vector<Membership>> places = store.list(
        site, command.who.user, {std::nullopt, std::nullopt, limits::kMaxCircles, {}});
    if (!places.ok()) {
        return unavailable(places.status());
    }
    std::vector<ConversationRef> refs;
    for (const Membership& place : places.value()) {
        refs.push_back({site, place.conversation});
    }
    const Result<std::vector<Conversation>> conversations = store.conversations(refs);
    if (!conversations.ok()) {
        return unavailable(conversations.status());
    }
    std::set<std::string> others;
    for (const Conversation& conversation : conversations.value()) {
        others.insert(conversation.members.begin(), conversation.members.end());
    }
    others.erase(command.who.user);
    const std::vector<Event> events{
        {"presence", presenceEvent(command.who.user, arguments.value())}};
    for (const std::string& other : others) {
        if (whispers != nullptr && whispers->size() < limits::kMaxWitnesses) {
            whispers->push_back({site, other, events});
        }
    }
    return std::string();
}

}  // namespace messaging::worker
