// The index of words in MongoDB, and searches in it: a collection of its own, with each
// message's words and members under the message's _id, in two indexes, so that a server
// walks whichever list is the shorter. A message is `fresh` until it stands there:
// those are few, and a search looks through them itself.
#include <algorithm>
#include <chrono>
#include <set>

#include "schema/limits.hpp"
#include "schema/text.hpp"
#include "worker/crash.hpp"
#include "worker/store_mongo_impl.hpp"

namespace messaging::worker::mongo {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kOutOfTime = 50;  // the server's code of maxTimeMS
constexpr size_t kIdDigits = 24;

// Workers of an earlier version may go on for so long after the first of this one: what
// they store is not marked.
constexpr uint64_t kOlderMilliseconds = 600000;

uint64_t unixNow() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

// "TIME-ID" of a message.
struct Place {
    uint64_t at = 0;
    bson_oid_t id;
};

bool newer(const Place& left, const Place& right) {
    return left.at != right.at ? left.at > right.at
                               : bson_oid_compare(&left.id, &right.id) > 0;
}

std::string textOf(const Place& place) {
    char id[kIdDigits + 1];
    bson_oid_to_string(&place.id, id);
    return std::to_string(place.at) + '-' + id;
}

std::optional<Place> placeFrom(std::string_view text) {
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos || text.size() != dash + 1 + kIdDigits) {
        return std::nullopt;
    }
    const auto at = parseUnsigned(text.substr(0, dash));
    const std::string_view id = text.substr(dash + 1);
    if (!at || *at > INT64_MAX || !bson_oid_is_valid(id.data(), id.size())) {
        return std::nullopt;
    }
    Place place{*at, {}};
    bson_oid_init_from_string(&place.id, std::string(id).c_str());
    return place;
}

Array listOf(const std::vector<std::string>& texts) {
    Array list;
    for (const auto& text : texts) {
        list.text(text);
    }
    return list;
}

// Words have letters and digits only: nothing in them means anything to a regular
// expression.
Array conditionsOf(const Words& words) {
    Array conditions;
    if (!words.whole.empty()) {
        Document all, one;
        one.document("words", all.array("$all", listOf(words.whole)));
        conditions.document(one);
    }
    if (!words.begun.empty()) {
        Document begins, one;
        one.document("words", begins.text("$regex", "^" + words.begun));
        conditions.document(one);
    }
    return conditions;
}

// Older than a place, in the order of the index.
Document olderThan(const Place& place) {
    Document sooner, same, id, either;
    sooner.document("at", bound("$lt", place.at));
    same.number("at", place.at).document("_id", id.oid("$lt", place.id));
    either.array("$or", Array().document(sooner).document(same));
    return either;
}

}  // namespace

struct MongoStore::Deadline {
    Clock::time_point end;
    bool over = false;
};

// --- Searching

template <typename Visit>
Status MongoStore::findInTime(Name name, const Document& filter, Document options,
                              Deadline* deadline, Visit visit) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline->end - Clock::now());
    deadline->over = deadline->over || left.count() <= 0;
    if (deadline->over) {
        return {};
    }
    const Status status = client_.ready();
    if (!status.ok()) {
        return status;
    }
    options.number("maxTimeMS", static_cast<uint64_t>(left.count()));
    const UniqueCursor cursor(mongoc_collection_find_with_opts(
        client_.collection(name), filter.get(), options.get(), nullptr));
    const bson_t* found = nullptr;
    while (mongoc_cursor_next(cursor.get(), &found)) {
        visit(View(found));
    }
    bson_error_t error;
    if (!mongoc_cursor_error(cursor.get(), &error)) {
        return {};
    }
    deadline->over = error.domain == MONGOC_ERROR_SERVER && error.code == kOutOfTime;
    return deadline->over ? Status()
                          : client_.failure(Code::StoreUnavailable, "searching", error);
}

Status MongoStore::findUnindexed(const std::string& site,
                                 const std::vector<std::string>& members,
                                 const Words& words, Deadline* deadline,
                                 std::vector<Hit>* hits) {
    Document filter;
    filter.text("site", site).flag("fresh", true);
    std::vector<Hit> fresh;
    std::vector<ConversationRef> refs;
    const Status status = findInTime(
        Name::Messages, filter, sorted({{"createdAt", -1}}, limits::kMaxUnindexed),
        deadline, [&](const View& view) {
            Place place;
            Message message = messageFrom(view);
            place.at = message.createdAt;
            if (view.oid("_id", &place.id) &&
                hasWords(wordsOf(message.content), words)) {
                refs.push_back({site, message.conversation});
                fresh.push_back({std::move(message), textOf(place)});
            }
        });
    if (!status.ok() || fresh.empty()) {
        return status;
    }
    std::sort(refs.begin(), refs.end());
    refs.erase(std::unique(refs.begin(), refs.end()), refs.end());
    const auto conversations = this->conversations(refs);
    if (!conversations.ok()) {
        return conversations.status();
    }
    std::set<std::string> own;
    for (const auto& conversation : conversations.value()) {
        if (std::find_first_of(members.begin(), members.end(),
                               conversation.members.begin(),
                               conversation.members.end()) != members.end()) {
            own.insert(conversation.id);
        }
    }
    for (Hit& hit : fresh) {
        if (own.count(hit.message.conversation) != 0) {
            hits->push_back(std::move(hit));
        }
    }
    return {};
}

// What is indexed in between is found twice, and said once.
Result<Hits> MongoStore::search(const std::string& site,
                                const std::vector<std::string>& members,
                                const SearchRange& range) {
    const auto below = placeFrom(range.below);
    if (!below && !range.below.empty()) {
        return {Code::InvalidCursor, "not one of ours", "cursor"};
    }
    Deadline deadline{Clock::now() + range.patience};
    std::vector<Hit> hits;
    Status status = findUnindexed(site, members, range.words, &deadline, &hits);
    Array conditions = conditionsOf(range.words);
    Document filter, in, at, fields, options;
    filter.text("site", site);
    filter.document("members", in.array("$in", listOf(members)));
    if (below) {
        // The bound of the time alone is for the index.
        filter.document("at", at.number("$lte", below->at));
        conditions.document(olderThan(*below));
    }
    filter.array("$and", conditions);
    options = sorted({{"at", -1}, {"_id", -1}}, range.limit);
    options.document("projection", fields.order("_id", 1));
    Array ids;
    if (status.ok()) {
        status = findInTime(Name::Words, filter, std::move(options), &deadline,
                            [&](const View& found) {
                                bson_oid_t id;
                                if (found.oid("_id", &id)) {
                                    ids.oid(id);
                                }
                            });
    }
    if (status.ok() && !ids.empty()) {
        Document messages, listed;
        messages.document("_id", listed.array("$in", ids));
        status =
            findInTime(Name::Messages, messages, {}, &deadline, [&](const View& view) {
                Place place;
                Message message = messageFrom(view);
                place.at = message.createdAt;
                if (view.oid("_id", &place.id)) {
                    hits.push_back({std::move(message), textOf(place)});
                }
            });
    }
    if (!status.ok()) {
        return status;
    }
    Hits found;
    found.complete = !deadline.over;
    if (deadline.over) {
        return found;  // what is older than some may be newer than the others
    }
    std::sort(hits.begin(), hits.end(), [](const Hit& left, const Hit& right) {
        return newer(*placeFrom(left.place), *placeFrom(right.place));
    });
    for (Hit& hit : hits) {
        const bool twice = !found.hits.empty() && found.hits.back().place == hit.place;
        if (!twice && (!below || newer(*below, *placeFrom(hit.place))) &&
            found.hits.size() < range.limit) {
            found.hits.push_back(std::move(hit));
        }
    }
    return found;
}

// --- Indexing

Result<std::vector<MongoStore::Entry>> MongoStore::unindexed(size_t most) {
    Document filter, options;
    filter.flag("fresh", true);
    options.number("limit", most);
    std::vector<Entry> entries;
    const Status status = find(Name::Messages, filter, options,
                               "reading what is not indexed", [&](const View& view) {
                                   Entry entry{{}, messageFrom(view)};
                                   if (view.oid("_id", &entry.id)) {
                                       entries.push_back(std::move(entry));
                                   }
                               });
    return status.ok() ? Result(std::move(entries)) : status;
}

// Messages in the order of their _id, from where meta says on; those that are in the
// index already do no harm there.
Result<std::vector<MongoStore::Entry>> MongoStore::older(size_t most) {
    std::vector<Entry> entries;
    if (olderDone_) {
        return entries;
    }
    Document state, greater, all;
    state.text("_id", "words");
    bson_oid_t after;
    uint64_t since = unixNow();
    bool begun = false;
    Status status =
        find(Name::Meta, state, {}, "reading the index's state", [&](const View& view) {
            begun = view.oid("after", &after);
            since = view.number("since");
            olderDone_ = view.flag("done");
        });
    if (!status.ok() || olderDone_) {
        return status.ok() ? Result(std::move(entries)) : status;
    }
    if (begun) {
        all.document("_id", greater.oid("$gt", after));
    }
    status =
        find(Name::Messages, all, sorted({{"_id", 1}}, static_cast<unsigned>(most)),
             "reading what is not indexed", [&](const View& view) {
                 Entry entry{{}, messageFrom(view)};
                 if (view.oid("_id", &entry.id)) {
                     entries.push_back(std::move(entry));
                 }
             });
    if (!status.ok()) {
        return status;
    }
    // An empty database has no older workers.
    const bool done =
        entries.empty() && (!begun || unixNow() > since + kOlderMilliseconds);
    if (!entries.empty() || done) {
        status = writeEntries(&entries);
        Document values, set;
        values.number("since", since).flag("done", done);
        if (!entries.empty()) {
            values.oid("after", entries.back().id);
        }
        set.document("$set", values);
        if (status.ok()) {
            std::vector<Upsert> upserts;
            upserts.emplace_back(std::move(state), std::move(set));
            status = upsertAll(Name::Meta, upserts, "writing the index's state");
        }
    }
    olderDone_ = status.ok() && done;
    return status.ok() ? Result(std::move(entries)) : status;
}

Status MongoStore::writeEntries(std::vector<Entry>* entries) {
    if (entries->empty()) {
        return {};
    }
    std::vector<ConversationRef> refs;
    for (const Entry& entry : *entries) {
        refs.push_back({entry.message.site, entry.message.conversation});
    }
    const auto conversations = this->conversations(refs);
    if (!conversations.ok()) {
        return conversations.status();
    }
    std::map<ConversationRef, const std::vector<std::string>*> members;
    for (const auto& conversation : conversations.value()) {
        members[{conversation.site, conversation.id}] = &conversation.members;
    }
    const UniqueBulk operations = bulk(Name::Words, false);
    const std::vector<std::string> nobody;
    for (const Entry& entry : *entries) {
        const Message& message = entry.message;
        const auto* whose = members[{message.site, message.conversation}];
        Document document;
        document.oid("_id", entry.id).text("site", message.site);
        document.text("conversation", message.conversation);
        document.array("members", listOf(whose == nullptr ? nobody : *whose));
        document.array("words", listOf(wordsOf(message.content)));
        document.number("at", message.createdAt);
        mongoc_bulk_operation_insert(operations.get(), document.get());
    }
    // A duplicate stands there already.
    return execute(operations.get(), "indexing").status;
}

Status MongoStore::markIndexed(const std::vector<Entry>& entries) {
    Array ids;
    for (const Entry& entry : entries) {
        ids.oid(entry.id);
    }
    Document filter, in, fields, update;
    filter.document("_id", in.array("$in", ids)).flag("fresh", true);
    update.document("$unset", fields.flag("fresh", true));
    bson_error_t error;
    return mongoc_collection_update_many(client_.collection(Name::Messages),
                                         filter.get(), update.get(), nullptr, nullptr,
                                         &error)
               ? Status()
               : client_.failure(Code::StoreUnavailable, "indexing", error);
}

// First into the index, then no longer fresh: a search that looks at the fresh ones
// first misses none, and who dies in between leaves what is done again.
Result<size_t> MongoStore::index(size_t most) {
    auto entries = unindexed(most);
    if (!entries.ok()) {
        return entries.status();
    }
    if (!entries->empty()) {
        Status status = writeEntries(&entries.value());
        crashPoint("while-indexing");
        if (status.ok()) {
            status = markIndexed(entries.value());
        }
        if (!status.ok()) {
            return status;
        }
    }
    size_t looked = entries->size();
    if (looked < most) {  // old ones have time
        const auto others = older(most);
        if (!others.ok()) {
            return others.status();
        }
        looked += others->size();
    }
    return looked;
}

}  // namespace messaging::worker::mongo
