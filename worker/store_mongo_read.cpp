// What the MongoDB store answers. A read writes nothing, so every failure is
// StoreUnavailable.
#include <algorithm>
#include <set>

#include "schema/limits.hpp"
#include "schema/text.hpp"
#include "worker/store_mongo_impl.hpp"

namespace messaging::worker::mongo {
namespace {

constexpr unsigned kWalkPage = 500;

// Sub-pipelines in one aggregation: servers plan each of them, and not in linear time.
constexpr size_t kPipelines = 16;

// {$or: [{site, FIELD: {$in: ids}}, …]}, one part a site.
Document anyOf(const std::vector<ConversationRef>& refs, const char* field) {
    std::map<std::string, std::set<std::string>> bySite;
    for (const auto& ref : refs) {
        bySite[ref.site].insert(ref.id);
    }
    Array parts;
    for (const auto& [site, ids] : bySite) {
        Array values;
        for (const auto& id : ids) {
            values.text(id);
        }
        Document in, part;
        part.text("site", site).document(field, in.array("$in", values));
        parts.document(part);
    }
    Document filter;
    filter.array("$or", parts);
    return filter;
}

// One side of a list's range: beyond this place in the order (activity, conversation).
Document beyond(const ListPlace& place, const char* operation) {
    Document newer, same, either, conversation;
    newer.document("activity", bound(operation, place.activity));
    same.number("activity", place.activity);
    same.document("conversation", conversation.text(operation, place.conversation));
    either.array("$or", Array().document(newer).document(same));
    return either;
}

// {FIELD: true}, or not true: it may be absent.
void restrictFlag(const char* field, const std::optional<bool>& wanted,
                  Document* filter) {
    Document other;
    if (wanted && *wanted) {
        filter->flag(field, true);
    } else if (wanted) {
        filter->document(field, other.flag("$ne", true));
    }
}

void restrict(const ListFilter& wanted, Document* filter) {
    restrictFlag("closed", wanted.closed, filter);
    restrictFlag("archived", wanted.archived, filter);
    if (wanted.unread && *wanted.unread) {
        filter->document("unread", bound("$gt", 0));
    } else if (wanted.unread) {
        filter->number("unread", 0);
    }
    if (!wanted.context.type.empty()) {
        filter->text("contextType", wanted.context.type);
    }
    if (!wanted.context.id.empty()) {
        filter->text("contextId", wanted.context.id);
    }
}

// The newest message that `match` describes, as a pipeline.
Array newestOf(const Document& match) {
    Document matching, sorting, limiting, seq;
    matching.document("$match", match);
    sorting.document("$sort", seq.order("seq", -1));
    limiting.number("$limit", 1);
    Array pipeline;
    pipeline.document(matching).document(sorting).document(limiting);
    return pipeline;
}

}  // namespace

// --- Running queries

template <typename Visit>
Status MongoStore::aggregateEach(const std::vector<Array>& pipelines,
                                 std::string_view what, Visit visit) {
    Status status = client_.ready();
    for (size_t i = 0; status.ok() && i < pipelines.size(); i += kPipelines) {
        // The first one, and a $unionWith for each of the others.
        UniqueBson pipeline(bson_copy(pipelines[i].get()));
        for (size_t n = 1; n < kPipelines && i + n < pipelines.size(); ++n) {
            Document source, stage;
            source.text("coll", "messages").array("pipeline", pipelines[i + n]);
            stage.document("$unionWith", source);
            const std::string index =
                std::to_string(bson_count_keys(pipelines[i].get()) + n - 1);
            bson_append_document(pipeline.get(), index.c_str(), -1, stage.get());
        }
        status = read(UniqueCursor(mongoc_collection_aggregate(
                          client_.collection(Name::Messages), MONGOC_QUERY_NONE,
                          pipeline.get(), nullptr, nullptr)),
                      what, visit);
    }
    return status;
}

// --- Reading

Result<std::optional<Conversation>> MongoStore::conversation(
    const ConversationRef& ref) {
    auto found = conversations({ref});
    if (!found.ok()) {
        return found.status();
    }
    return found->empty() ? std::optional<Conversation>()
                          : std::optional(std::move(found->front()));
}

Result<std::vector<Conversation>> MongoStore::conversations(
    const std::vector<ConversationRef>& refs) {
    std::vector<Conversation> found;
    if (refs.empty()) {
        return found;
    }
    const Status status =
        find(Name::Conversations, anyOf(refs, "id"), {}, "reading conversations",
             [&](const View& one) { found.push_back(conversationFrom(one)); });
    return status.ok() ? Result(std::move(found)) : status;
}

Result<std::vector<Message>> MongoStore::history(const ConversationRef& ref,
                                                 const HistoryArguments& range) {
    Document filter = filterOf(ref);
    if (range.after) {
        filter.document("seq", bound("$gt", *range.after));
    } else if (range.before) {
        filter.document("seq", bound("$lt", *range.before));
    }
    std::vector<Message> found;
    const Status status =
        find(Name::Messages, filter,
             sorted({{"seq", range.after ? 1 : -1}}, range.limit), "reading messages",
             [&](const View& message) { found.push_back(messageFrom(message)); });
    if (!status.ok()) {
        return status;
    }
    if (!range.after) {
        std::reverse(found.begin(), found.end());
    }
    return found;
}

Result<std::vector<Membership>> MongoStore::memberships(const ConversationRef& ref) {
    std::vector<Membership> found;
    const Status status =
        find(Name::Memberships, filterOf(ref), {}, "reading memberships",
             [&](const View& one) { found.push_back(membershipFrom(one)); });
    return status.ok() ? Result(std::move(found)) : status;
}

Result<std::vector<Membership>> MongoStore::membershipsOf(
    const std::vector<ConversationRef>& refs) {
    std::vector<Membership> found;
    if (refs.empty()) {
        return found;
    }
    const Status status =
        find(Name::Memberships, anyOf(refs, "conversation"), {}, "reading memberships",
             [&](const View& one) { found.push_back(membershipFrom(one)); });
    return status.ok() ? Result(std::move(found)) : status;
}

Result<std::vector<Message>> MongoStore::newest(
    const std::vector<ConversationRef>& refs) {
    std::vector<Array> pipelines;
    for (const auto& ref : refs) {
        pipelines.push_back(newestOf(filterOf(ref)));
    }
    std::vector<Message> found;
    const Status status =
        aggregateEach(pipelines, "reading newest messages",
                      [&](const View& one) { found.push_back(messageFrom(one)); });
    return status.ok() ? Result(std::move(found)) : status;
}

Result<std::vector<Membership>> MongoStore::list(const std::string& site,
                                                 const std::string& member,
                                                 const ListRange& range) {
    Document filter, activity;
    filter.text("site", site).text("member", member);
    Array sides;
    // The bounds of activity alone are for the index; the places decide.
    if (range.below) {
        activity.number("$lte", range.below->activity);
        sides.document(beyond(*range.below, "$lt"));
    }
    if (range.above) {
        activity.number("$gte", range.above->activity);
        sides.document(beyond(*range.above, "$gt"));
    }
    if (!sides.empty()) {
        filter.document("activity", activity).array("$and", sides);
    }
    restrict(range.filter, &filter);
    std::vector<Membership> found;
    const Status status = find(
        Name::Memberships, filter,
        sorted({{"activity", -1}, {"conversation", -1}}, range.limit), "reading a list",
        [&](const View& one) { found.push_back(membershipFrom(one)); });
    return status.ok() ? Result(std::move(found)) : status;
}

Result<Unread> MongoStore::unread(const std::string& site, const std::string& member) {
    Document filter, fields, options;
    filter.text("site", site).text("member", member);
    filter.document("unread", bound("$gt", 0));
    fields.order("_id", 0).order("conversation", 1).order("unread", 1);
    options.document("projection", fields);
    Unread found;
    const Status status = find(
        Name::Memberships, filter, options, "reading unread", [&](const View& one) {
            const uint64_t count = one.number("unread");
            found.count += count;
            if (found.conversations.size() < limits::kMaxBadge) {
                found.conversations.emplace_back(one.text("conversation"), count);
            }
        });
    return status.ok() ? Result(std::move(found)) : status;
}

Result<std::vector<User>> MongoStore::users(const std::string& site,
                                            const std::vector<std::string>& ids) {
    std::vector<User> found;
    if (ids.empty()) {
        return found;
    }
    std::vector<ConversationRef> refs;
    for (const auto& id : ids) {
        refs.push_back({site, id});
    }
    const Status status = find(
        Name::Users, anyOf(refs, "id"), {}, "reading users", [&](const View& user) {
            found.push_back(
                {site, user.text("id"), user.text("role"), user.text("name")});
        });
    return status.ok() ? Result(std::move(found)) : status;
}

Result<std::optional<Message>> MongoStore::messageByKey(const ConversationRef& ref,
                                                        const std::string& sender,
                                                        const std::string& key) {
    Document filter = filterOf(ref);
    filter.text("sender", sender).text("key", key);
    std::optional<Message> found;
    const Status status =
        find(Name::Messages, filter, {}, "looking up a key",
             [&](const View& message) { found = messageFrom(message); });
    return status.ok() ? Result(std::move(found)) : status;
}

Result<uint64_t> MongoStore::ordinalAt(const ConversationRef& ref,
                                       const std::string& member, uint64_t seq) {
    Document filter = filterOf(ref);
    filter.text("member", member).document("seq", bound("$lte", seq));
    uint64_t ordinal = 0;
    const Status status =
        find(Name::Messages, filter, sorted({{"seq", -1}}, 1), "reading an ordinal",
             [&](const View& message) { ordinal = message.number("ordinal"); });
    return status.ok() ? Result(ordinal) : status;
}

// --- State

Status MongoStore::loadNewest(std::map<ConversationRef, ConversationState>& states) {
    std::vector<Array> pipelines;
    for (const auto& [ref, state] : states) {
        pipelines.push_back(newestOf(filterOf(ref)));
    }
    return aggregateEach(pipelines, "reading newest messages", [&](const View& found) {
        const Message message = messageFrom(found);
        auto& state = states[{message.site, message.conversation}];
        state.lastSeq = message.seq;
        state.lastAt = message.createdAt;
        state.preview = {message.seq, message.sender,
                         preview(message.content, limits::kPreview), message.createdAt};
    });
}

Status MongoStore::loadOrdinals(std::map<ConversationRef, ConversationState>& states) {
    std::vector<Array> pipelines;
    for (auto& [ref, state] : states) {
        for (const auto& member : state.conversation.members) {
            state.ordinals[member] = 0;
            if (state.lastSeq > 0) {
                // Up to the message that was found, so that all numbers are of one
                // moment.
                Document match = filterOf(ref);
                match.text("member", member);
                match.document("seq", bound("$lte", state.lastSeq));
                pipelines.push_back(newestOf(match));
            }
        }
    }
    return aggregateEach(pipelines, "reading ordinals", [&](const View& found) {
        auto& state = states[{found.text("site"), found.text("conversation")}];
        state.ordinals[found.text("member")] = found.number("ordinal");
    });
}

Status MongoStore::loadMemberships(
    std::map<ConversationRef, ConversationState>& states) {
    std::vector<ConversationRef> refs;
    for (const auto& [ref, state] : states) {
        refs.push_back(ref);
    }
    return find(Name::Memberships, anyOf(refs, "conversation"), {},
                "reading memberships", [&](const View& found) {
                    Membership membership = membershipFrom(found);
                    auto& state = states[{membership.site, membership.conversation}];
                    std::string member = membership.member;
                    state.memberships.emplace(std::move(member), std::move(membership));
                });
}

Result<std::map<ConversationRef, ConversationState>> MongoStore::load(
    const std::vector<ConversationRef>& refs) {
    auto found = conversations(refs);
    if (!found.ok()) {
        return found.status();
    }
    std::map<ConversationRef, ConversationState> states;
    for (auto& conversation : found.value()) {
        const ConversationRef ref{conversation.site, conversation.id};
        states[ref].conversation = std::move(conversation);
    }
    if (states.empty()) {
        return states;
    }
    Status status = loadNewest(states);
    if (status.ok()) {
        status = loadOrdinals(states);
    }
    if (status.ok()) {
        status = loadMemberships(states);
    }
    return status.ok() ? Result(std::move(states)) : status;
}

// --- Recovery and check

Result<std::vector<Note>> MongoStore::notes(const std::string& owner) {
    Document filter, other;
    filter.document("_id", other.text("$ne", owner));
    std::vector<Note> found;
    seen_.clear();
    const Status status =
        find(Name::Notes, filter, {}, "reading notes", [&](const View& one) {
            Note note{one.text("_id"), {}};
            one.oid("stamp", &seen_[note.owner]);
            one.eachDocument("conversations", [&](const View& ref) {
                note.conversations.push_back({ref.text("site"), ref.text("id")});
            });
            found.push_back(std::move(note));
        });
    return status.ok() ? Result(std::move(found)) : status;
}

Status MongoStore::eachConversation(
    const std::function<bool(const ConversationRef&)>& visit) {
    ConversationRef last;
    for (;;) {
        Document site, id, further, same, filter;
        further.document("site", site.text("$gt", last.site));
        same.text("site", last.site).document("id", id.text("$gt", last.id));
        filter.array("$or", Array().document(further).document(same));
        std::vector<ConversationRef> page;
        unsigned size = 0;
        const Status status = find(Name::Conversations, filter,
                                   sorted({{"site", 1}, {"id", 1}}, kWalkPage),
                                   "walking conversations", [&](const View& found) {
                                       ++size;
                                       last = {found.text("site"), found.text("id")};
                                       if (!conversationFrom(found).isAlias()) {
                                           page.push_back(last);
                                       }
                                   });
        if (!status.ok()) {
            return status;
        }
        for (const auto& ref : page) {
            if (!visit(ref)) {
                return {};
            }
        }
        if (size < kWalkPage) {
            return {};
        }
    }
}

}  // namespace messaging::worker::mongo
