// Conversations and users come by pages of rising _id; messages by one cursor in the
// order that the server sorts. Nothing is written, no index is made. A server that
// sorts much uses its disk for it.
#include "worker/store_mongo_source.hpp"

#include <algorithm>
#include <cmath>

namespace messaging::worker {

Result<std::unique_ptr<ImportSource>> makeSource(const std::string& uri,
                                                 const Mapping& mapping) {
    auto parsed = mongo::parseUri(uri);
    if (!parsed.ok()) {
        return parsed.status();
    }
    return std::unique_ptr<ImportSource>(
        std::make_unique<mongo::MongoSource>(std::move(parsed.value()), mapping));
}

namespace mongo {
namespace {

// For the sort, which a large collection takes some time for.
constexpr int32_t kSocketMilliseconds = 600 * 1000;
constexpr uint32_t kAtOnce = 1000;

// An id, a name, a number as text; "" for anything else.
std::string wordOf(const bson_iter_t& field) {
    switch (bson_iter_type(&field)) {
        case BSON_TYPE_UTF8:
            return textOf(field);
        case BSON_TYPE_OID: {
            char digits[25];
            bson_oid_to_string(bson_iter_oid(&field), digits);
            return digits;
        }
        case BSON_TYPE_INT32:
        case BSON_TYPE_INT64:
            return std::to_string(bson_iter_as_int64(&field));
        case BSON_TYPE_DOUBLE: {  // of JavaScript, whose large integers are such
            constexpr double kExact = 9007199254740992;  // 2^53
            const double number = bson_iter_double(&field);
            const bool whole = number > -kExact && number < kExact &&
                               number == static_cast<double>(std::llround(number));
            return whole ? std::to_string(std::llround(number)) : std::string();
        }
        case BSON_TYPE_DOCUMENT: {  // a reference that holds the document
            bson_iter_t inner;
            const bool found = bson_iter_recurse(&field, &inner) &&
                               bson_iter_find(&inner, "_id") &&
                               !BSON_ITER_HOLDS_DOCUMENT(&inner);
            return found ? wordOf(inner) : std::string();
        }
        default:
            return {};
    }
}

// Sorts as ids do in the source: numbers by their value and before words, all else as
// its text.
std::string orderOf(const bson_iter_t& field) {
    std::string text = wordOf(field);
    constexpr size_t kDigits = 20;
    if (BSON_ITER_HOLDS_NUMBER(&field) && !text.empty() && text.front() != '-') {
        text.insert(0, kDigits - std::min(text.size(), kDigits), '0');
    }
    return text;
}

// 0: no date.
uint64_t dateOf(const bson_iter_t& field) {
    int64_t milliseconds = 0;
    if (BSON_ITER_HOLDS_DATE_TIME(&field)) {
        milliseconds = bson_iter_date_time(&field);
    } else if (BSON_ITER_HOLDS_INT64(&field) || BSON_ITER_HOLDS_DOUBLE(&field)) {
        milliseconds = bson_iter_as_int64(&field);
    }
    return milliseconds < 0 ? 0 : static_cast<uint64_t>(milliseconds);
}

// What an ObjectId tells of when it was made.
uint64_t dateOfId(const View& document) {
    bson_oid_t id;
    return document.oid("_id", &id)
               ? static_cast<uint64_t>(bson_oid_get_time_t(&id)) * 1000
               : 0;
}

// true, a date, a number that is not 0, or the word itself.
bool saysRead(const bson_iter_t& field) {
    if (BSON_ITER_HOLDS_BOOL(&field)) {
        return bson_iter_bool(&field);
    }
    if (BSON_ITER_HOLDS_UTF8(&field)) {
        const std::string text = textOf(field);
        return text == "read" || text == "READ";
    }
    return dateOf(field) != 0 ||
           (BSON_ITER_HOLDS_INT32(&field) && bson_iter_int32(&field) != 0);
}

bool sameWord(std::string_view left, std::string_view right) {
    return left.size() == right.size() &&
           std::equal(left.begin(), left.end(), right.begin(),
                      [](char a, char b) { return (a | 0x20) == (b | 0x20); });
}

UniqueBson idOf(const View& document, const std::string& name) {
    UniqueBson id(bson_new());
    bson_iter_t field;
    if (document.find(name.c_str(), &field)) {
        bson_append_iter(id.get(), "id", -1, &field);
    }
    return id;
}

}  // namespace

Status MongoSource::failure(std::string_view what, const bson_error_t& error) const {
    return {Code::StoreUnavailable,
            "the source: " + std::string(what) + ": " + error.message};
}

Status MongoSource::open() {
    mongoc_uri_set_option_as_int32(uri_.get(), MONGOC_URI_SOCKETTIMEOUTMS,
                                   kSocketMilliseconds);
    const char* named = mongoc_uri_get_database(uri_.get());
    if (named == nullptr) {
        return {Code::InvalidField, "--source names no database"};
    }
    bson_error_t error;
    client_.reset(mongoc_client_new_from_uri_with_error(uri_.get(), &error));
    if (!client_) {
        return failure("connecting", error);
    }
    mongoc_client_set_error_api(client_.get(), MONGOC_ERROR_API_VERSION_2);
    database_.reset(mongoc_client_get_database(client_.get(), named));
    for (const auto& [name, place] :
         {std::pair{"conversations", &conversations_},
          std::pair{"messages", &messages_}, std::pair{"users", &users_}}) {
        Result<UniqueCollection> found = collection(name);
        if (!found.ok()) {
            return found.status();
        }
        *place = std::move(found.value());
    }
    if (messages_ == nullptr || (conversations_ == nullptr && !mapping_.pairs())) {
        return {Code::InvalidField,
                std::string("the source has no collection ") +
                    mapping_.text(messages_ == nullptr ? "messages" : "conversations")};
    }
    userId_ = mapping_.text("user.id").empty() ? "_id" : mapping_.text("user.id");
    const std::string& id = mapping_.text("conversation.id");
    conversationId_ = id.empty() ? "_id" : id;
    // An estimate can be far off, and all of them are read anyway.
    const Document all;
    const int64_t count = mongoc_collection_count_documents(
        messages_.get(), all.get(), nullptr, nullptr, nullptr, &error);
    count_ = count < 0 ? 0 : static_cast<uint64_t>(count);
    return startMessages();
}

// The first of its names that the database has; none where there is none.
Result<UniqueCollection> MongoSource::collection(std::string_view name) {
    for (const std::string& one : mapping_.alternatives(name)) {
        bson_error_t error;
        const bool there =
            mongoc_database_has_collection(database_.get(), one.c_str(), &error);
        if (!there && error.code != 0) {
            return failure("listing collections", error);
        }
        if (there) {
            return UniqueCollection(
                mongoc_database_get_collection(database_.get(), one.c_str()));
        }
    }
    return UniqueCollection();
}

// The first alternative that any document has, else the first: absent everywhere.
Result<std::string> MongoSource::field(mongoc_collection_t* of, std::string_view name) {
    const std::vector<std::string> all = mapping_.alternatives(name);
    for (const std::string& one : all) {
        Document exists, filter, options;
        filter.document(one.c_str(), exists.flag("$exists", true));
        options.number("limit", 1);
        const UniqueCursor cursor(
            mongoc_collection_find_with_opts(of, filter.get(), options.get(), nullptr));
        const bson_t* found = nullptr;
        if (all.size() == 1 || mongoc_cursor_next(cursor.get(), &found)) {
            return one;
        }
        bson_error_t error;
        if (mongoc_cursor_error(cursor.get(), &error)) {
            return failure("looking for " + one, error);
        }
    }
    return all.empty() ? std::string() : all.front();
}

Status MongoSource::startMessages() {
    for (const auto& [name, place] :
         {std::pair{"message.conversation", &conversationField_},
          std::pair{"message.sender", &senderField_},
          std::pair{"message.receiver", &receiverField_},
          std::pair{"message.createdAt", &dateField_}}) {
        Result<std::string> found = field(messages_.get(), name);
        if (!found.ok()) {
            return found.status();
        }
        *place = std::move(found.value());
    }
    Document sort, options;
    options.flag("allowDiskUse", true).number("batchSize", kAtOnce);
    if (!mapping_.pairs()) {
        sort.order(conversationField_.c_str(), 1).order(dateField_.c_str(), 1);
        sort.order("_id", 1);
        options.document("sort", sort);
        const Document all;
        cursor_.reset(mongoc_collection_find_with_opts(messages_.get(), all.get(),
                                                       options.get(), nullptr));
        return {};
    }
    // The same two people, whoever of them wrote.
    Document least, most, names, add, order, pipeline, stages;
    const std::string sender = "$" + senderField_;
    const std::string receiver = "$" + receiverField_;
    names.document("moving_least",
                   least.array("$min", Array().text(sender).text(receiver)));
    names.document("moving_most",
                   most.array("$max", Array().text(sender).text(receiver)));
    sort.order("moving_least", 1).order("moving_most", 1);
    sort.order(dateField_.c_str(), 1).order("_id", 1);
    pipeline.array("pipeline", Array()
                                   .document(add.document("$addFields", names))
                                   .document(order.document("$sort", sort)));
    cursor_.reset(mongoc_collection_aggregate(messages_.get(), MONGOC_QUERY_NONE,
                                              pipeline.get(), options.get(), nullptr));
    return {};
}

// The first alternative that says something; "a+b" is both.
std::string MongoSource::first(const View& document, std::string_view name) const {
    for (const std::string& one : mapping_.alternatives(name)) {
        std::string all;
        for (const std::string& part : splitBy(one, '+')) {
            bson_iter_t field;
            const std::string word =
                document.find(part.c_str(), &field) ? wordOf(field) : std::string();
            all += (all.empty() || word.empty() ? "" : " ") + word;
        }
        if (!all.empty()) {
            return all;
        }
    }
    return {};
}

// --- Conversations and users

template <typename Visit>
Status MongoSource::page(mongoc_collection_t* from, const std::string& key,
                         UniqueBson* last, size_t most, Visit visit) {
    Document filter, above, sort, options;
    bson_iter_t id;
    if (*last && bson_iter_init_find(&id, last->get(), "id")) {
        filter.document(key.c_str(), above.value("$gt", id));
    } else {
        filter.document(key.c_str(), above.flag("$exists", true).null("$ne"));
    }
    options.document("sort", sort.order(key.c_str(), 1)).number("limit", most);
    const UniqueCursor cursor(
        mongoc_collection_find_with_opts(from, filter.get(), options.get(), nullptr));
    const bson_t* found = nullptr;
    while (mongoc_cursor_next(cursor.get(), &found)) {
        visit(View(found));
        *last = idOf(View(found), key);
    }
    bson_error_t error;
    return mongoc_cursor_error(cursor.get(), &error) ? failure("reading a page", error)
                                                     : Status();
}

SourceConversation MongoSource::conversationOf(const View& document) const {
    SourceConversation conversation;
    bson_iter_t field;
    if (document.find(conversationId_.c_str(), &field)) {
        conversation.id = wordOf(field);
        conversation.order = orderOf(field);
    }
    for (const Mapping::Member& member : mapping_.members()) {
        if (!member.team.empty()) {
            conversation.members.push_back({member.team, member.role});
            continue;
        }
        for (const std::string& name : member.fields) {
            const size_t before = conversation.members.size();
            document.each(name.c_str(), [&](const bson_iter_t& one) {
                conversation.members.push_back({wordOf(one), member.role});
            });
            if (conversation.members.size() > before) {
                break;
            }
            std::string word =
                document.find(name.c_str(), &field) ? wordOf(field) : std::string();
            if (!word.empty()) {
                conversation.members.push_back({std::move(word), member.role});
                break;
            }
        }
    }
    conversation.contextId = first(document, "conversation.contextId");
    conversation.subject = first(document, "conversation.subject");
    const std::string& closed = mapping_.text("conversation.closed");
    conversation.closed = sameWord(first(document, "conversation.status"),
                                   closed.empty() ? "closed" : closed);
    for (const std::string& name : mapping_.alternatives("conversation.createdAt")) {
        if (conversation.createdAt == 0 && document.find(name.c_str(), &field)) {
            conversation.createdAt = dateOf(field);
        }
    }
    if (conversation.createdAt == 0) {
        conversation.createdAt = dateOfId(document);
    }
    return conversation;
}

Result<std::vector<SourceConversation>> MongoSource::conversations(size_t most) {
    std::vector<SourceConversation> found;
    if (conversations_ == nullptr) {
        return found;
    }
    const Status status =
        page(conversations_.get(), conversationId_, &lastConversation_, most,
             [&](const View& document) { found.push_back(conversationOf(document)); });
    return status.ok() ? Result(std::move(found)) : status;
}

Result<std::vector<SourceUser>> MongoSource::users(size_t most) {
    std::vector<SourceUser> found;
    if (users_ == nullptr) {
        return found;
    }
    const Status status =
        page(users_.get(), "_id", &lastUser_, most, [&](const View& document) {
            SourceUser user;
            bson_iter_t field;
            if (document.find(userId_.c_str(), &field)) {
                user.id = wordOf(field);
            }
            user.name = first(document, "user.name");
            user.role = first(document, "user.role");
            found.push_back(std::move(user));
        });
    return status.ok() ? Result(std::move(found)) : status;
}

Result<std::set<std::string>> MongoSource::known(const std::set<std::string>& ids) {
    std::set<std::string> found;
    if (users_ == nullptr || ids.empty()) {
        return found;
    }
    Array values;
    UniqueBson in(bson_new());
    bson_t list;
    bson_append_array_begin(in.get(), "$in", -1, &list);
    uint32_t index = 0;
    for (const std::string& id : ids) {
        bson_append_utf8(&list, std::to_string(index++).c_str(), -1, id.data(),
                         static_cast<int>(id.size()));
        if (bson_oid_is_valid(id.data(), id.size())) {
            bson_oid_t oid;
            bson_oid_init_from_string(&oid, id.c_str());
            bson_append_oid(&list, std::to_string(index++).c_str(), -1, &oid);
        }
    }
    bson_append_array_end(in.get(), &list);
    UniqueBson filter(bson_new());
    bson_append_document(filter.get(), userId_.c_str(), -1, in.get());
    const UniqueCursor cursor(
        mongoc_collection_find_with_opts(users_.get(), filter.get(), nullptr, nullptr));
    const bson_t* document = nullptr;
    while (mongoc_cursor_next(cursor.get(), &document)) {
        bson_iter_t field;
        if (View(document).find(userId_.c_str(), &field)) {
            found.insert(wordOf(field));
        }
    }
    bson_error_t error;
    return mongoc_cursor_error(cursor.get(), &error)
               ? Result<std::set<std::string>>(failure("reading users", error))
               : Result(std::move(found));
}

// --- Messages

SourceMessage MongoSource::messageOf(const View& document) const {
    SourceMessage message;
    bson_iter_t field;
    message.id = first(document, "message.id");
    if (message.id.empty() && document.find("_id", &field)) {
        message.id = wordOf(field);
    }
    const auto word = [&](const std::string& name) {
        return !name.empty() && document.find(name.c_str(), &field) ? wordOf(field)
                                                                    : std::string();
    };
    if (!mapping_.pairs() && document.find(conversationField_.c_str(), &field)) {
        message.conversation = wordOf(field);
        message.order = orderOf(field);
    }
    message.sender = word(senderField_);
    message.receiver = word(receiverField_);
    message.role = first(document, "message.role");
    message.content = first(document, "message.content");
    message.contextId = first(document, "message.contextId");
    if (document.find(dateField_.c_str(), &field)) {
        message.createdAt = dateOf(field);
    }
    message.dated = message.createdAt != 0;
    if (!message.dated) {
        message.createdAt = dateOfId(document);
    }
    for (const std::string& name : mapping_.alternatives("message.read")) {
        message.read =
            message.read || (document.find(name.c_str(), &field) && saysRead(field));
    }
    return message;
}

Result<std::optional<SourceMessage>> MongoSource::message() {
    const bson_t* found = nullptr;
    if (mongoc_cursor_next(cursor_.get(), &found)) {
        return std::optional(messageOf(View(found)));
    }
    bson_error_t error;
    return mongoc_cursor_error(cursor_.get(), &error)
               ? Result<std::optional<SourceMessage>>(
                     failure("reading messages", error))
               : Result<std::optional<SourceMessage>>(std::nullopt);
}

}  // namespace mongo
}  // namespace messaging::worker
