// The index of words in SQLite, and searches in it. Messages are put into it in the
// order of their ids, which is that of their commits; what follows the last one is
// looked through by the search itself. FTS5 walks a list of rows from the newest down
// and stops where there are enough; each question names the caller's numbers, so that
// it never looks at more than the caller's messages.
#include <algorithm>
#include <optional>

#include "schema/limits.hpp"
#include "schema/text.hpp"
#include "worker/crash.hpp"
#include "worker/store_sqlite_impl.hpp"

namespace messaging::worker::sqlite {
namespace {

using Clock = std::chrono::steady_clock;

// Of a place's bits, those that tell messages of one millisecond apart.
constexpr unsigned kTieBits = 20;
constexpr uint64_t kLatest = (uint64_t{1} << 43) - 1;  // the rest fits below

uint64_t placeOf(uint64_t createdAt, uint64_t message) {
    const uint64_t ties = (uint64_t{1} << kTieBits) - 1;
    return std::min(createdAt, kLatest) << kTieBits | (message & ties);
}

// Ends a statement that runs for longer than somebody waits.
class Patience {
public:
    Patience(sqlite3* connection, std::chrono::milliseconds time)
        : connection_(connection), end_(Clock::now() + time) {
        constexpr int kSteps = 1000;  // of SQLite's machine, between two looks
        sqlite3_progress_handler(connection, kSteps, isOver, this);
    }
    ~Patience() { sqlite3_progress_handler(connection_, 0, nullptr, nullptr); }
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;

    bool over() const { return Clock::now() >= end_; }

private:
    static int isOver(void* self) {
        return static_cast<Patience*>(self)->over() ? 1 : 0;
    }

    sqlite3* connection_;
    Clock::time_point end_;
};

// Words have letters and digits only, so that none can end the quotes.
std::string quoted(const std::string& word) {
    return '"' + word + '"';
}

// FTS5's own language: everybody's number, and every word.
std::string questionOf(const std::vector<uint64_t>& members, const Words& words) {
    std::string question;
    for (const uint64_t member : members) {
        question +=
            (question.empty() ? "(" : " OR ") + quoted('_' + std::to_string(member));
    }
    question += ')';
    for (const std::string& word : words.whole) {
        question += " AND " + quoted(word);
    }
    if (!words.begun.empty()) {
        question += " AND " + quoted(words.begun) + " *";
    }
    return question;
}

// As json_each() reads them.
std::string listOf(const std::vector<uint64_t>& numbers) {
    std::string list;
    for (const uint64_t number : numbers) {
        list += (list.empty() ? "[" : ",") + std::to_string(number);
    }
    return list + ']';
}

}  // namespace

// --- Searching

Result<Hits> SqliteStore::search(const std::string& site,
                                 const std::vector<std::string>& members,
                                 const SearchRange& range) {
    const std::optional<uint64_t> below = range.below.empty()
                                              ? std::optional<uint64_t>(INT64_MAX)
                                              : parseUnsigned(range.below);
    if (!below || *below > INT64_MAX) {
        return {Code::InvalidCursor, "not one of ours", "cursor"};
    }
    std::vector<uint64_t> numbers;
    for (const auto& member : members) {
        const auto number = numberOf(site, member);
        if (!number.ok()) {
            return number.status();
        }
        if (number.value() != 0) {
            numbers.push_back(number.value());
        }
    }
    Hits hits;
    if (numbers.empty()) {
        return hits;  // nobody ever named them
    }
    const Patience patience(database_.connection(), range.patience);
    const Snapshot snapshot(database_);
    std::vector<Found> fresh, found;
    Status status = findUnindexed(site, listOf(numbers), range.words, *below, &fresh);
    if (status.ok()) {
        status = findIndexed(site, questionOf(numbers, range.words), *below,
                             range.limit, &found);
    }
    hits.complete = status.ok();
    if (!status.ok() && !patience.over()) {
        return status;
    }
    const auto newer = [](const Found& left, const Found& right) {
        return left.place > right.place;
    };
    // What lies below the last one that was reached is for another page.
    const uint64_t reached = found.empty() ? UINT64_MAX : found.back().place;
    for (Found& one : fresh) {
        if (hits.complete || one.place > reached) {
            found.push_back(std::move(one));
        }
    }
    if (!hits.complete && reached == UINT64_MAX) {
        found.clear();
    }
    std::sort(found.begin(), found.end(), newer);
    found.resize(std::min<size_t>(found.size(), range.limit));
    sqlite3_progress_handler(database_.connection(), 0, nullptr, nullptr);
    for (const Found& one : found) {
        auto message = history(one.ref, {std::nullopt, one.seq - 1, 1});
        if (!message.ok()) {
            return message.status();
        }
        for (Message& the : message.value()) {
            hits.hits.push_back({std::move(the), std::to_string(one.place)});
        }
    }
    return hits;
}

Status SqliteStore::findUnindexed(const std::string& site, const std::string& numbers,
                                  const Words& words, uint64_t below,
                                  std::vector<Found>* found) {
    Query query(database_,
                "SELECT messages.id, created_at, content, name, seq FROM messages"
                " CROSS JOIN names ON names.id = conversation"
                " WHERE messages.id > max((SELECT up_to FROM search_state),"
                "  (SELECT ifnull(max(id), 0) FROM messages) - ?1)"
                " AND EXISTS (SELECT 1 FROM json_each(?2) AS mine"
                "  CROSS JOIN conversation_members AS members"
                "  ON members.conversation = messages.conversation"
                "  AND members.member = mine.value)"
                " ORDER BY messages.id DESC");
    query.bind(uint64_t{limits::kMaxUnindexed}).bind(numbers);
    while (query.row()) {
        const uint64_t id = query.number();
        const uint64_t place = placeOf(query.number(), id);
        const std::string content = query.text();
        std::string conversation = query.text();
        if (place < below && hasWords(wordsOf(content), words)) {
            found->push_back({place, {site, std::move(conversation)}, query.number()});
        }
    }
    return query.ok() ? Status() : query.failure("searching what is not indexed");
}

Status SqliteStore::findIndexed(const std::string& site, const std::string& question,
                                uint64_t below, unsigned limit,
                                std::vector<Found>* found) {
    Query query(database_,
                "SELECT search.rowid, names.name, messages.seq FROM search"
                " CROSS JOIN searched ON searched.place = search.rowid"
                " CROSS JOIN messages ON messages.id = searched.message"
                " CROSS JOIN names ON names.id = messages.conversation"
                " WHERE search MATCH ? AND search.rowid < ?"
                " ORDER BY search.rowid DESC LIMIT ?");
    query.bind(question).bind(below).bind(uint64_t{limit});
    while (query.row()) {
        const uint64_t place = query.number();
        std::string conversation = query.text();
        found->push_back({place, {site, std::move(conversation)}, query.number()});
    }
    return query.ok() ? Status() : query.failure("searching");
}

// --- Indexing

Result<uint64_t> SqliteStore::indexedUpTo() {
    Query query(database_, "SELECT up_to FROM search_state");
    const uint64_t upTo = query.row() ? query.number() : 0;
    return query.ok() ? Result<uint64_t>(upTo)
                      : query.failure("reading the index's state");
}

// By rising id; how the words and members of each are written.
Result<std::vector<SqliteStore::Entry>> SqliteStore::unindexed(uint64_t from,
                                                               size_t most) {
    Query query(
        database_,
        "SELECT id, created_at, content, (SELECT group_concat('_' || member, ' ')"
        "  FROM conversation_members AS members"
        "  WHERE members.conversation = messages.conversation)"
        " FROM messages WHERE id > ? ORDER BY id LIMIT ?");
    query.bind(from).bind(uint64_t{most});
    std::vector<Entry> entries;
    while (query.row()) {
        Entry entry;
        entry.message = query.number();
        entry.place = placeOf(query.number(), entry.message);
        for (const std::string& word : wordsOf(query.text())) {
            entry.words += word + ' ';
        }
        entry.words += query.text();
        entries.push_back(std::move(entry));
    }
    return query.ok() ? Result(std::move(entries)) : query.failure("reading messages");
}

Status SqliteStore::writeEntry(const Entry& entry) {
    uint64_t place = entry.place;
    for (bool taken = true; taken; place += taken ? 1 : 0) {
        Query put(database_,
                  "INSERT INTO searched (place, message) VALUES (?, ?)"
                  " ON CONFLICT DO NOTHING");
        put.bind(place).bind(entry.message);
        if (!put.run()) {
            return put.failure("indexing");
        }
        taken = sqlite3_changes(database_.connection()) == 0;
    }
    Query put(database_, "INSERT INTO search (rowid, words) VALUES (?, ?)");
    put.bind(place).bind(entry.words);
    return put.run() ? Status() : put.failure("indexing");
}

Status SqliteStore::writeEntries(uint64_t from, uint64_t upTo,
                                 const std::vector<Entry>& entries) {
    const auto already = indexedUpTo();
    if (!already.ok() || already.value() != from) {
        return already.status();  // another worker was quicker: there is nothing to do
    }
    for (const Entry& entry : entries) {
        if (Status status = writeEntry(entry); !status.ok()) {
            return status;
        }
    }
    Query put(database_, "UPDATE search_state SET up_to = ?");
    put.bind(upTo);
    return put.run() ? Status() : put.failure("indexing");
}

// All that can be done before is: writers wait for this transaction. It needs no fsync
// of its own: what the next batch's takes along is whole, and what power loses of it is
// indexed again.
Result<size_t> SqliteStore::index(size_t most) {
    if (!database_.isOpen()) {
        return notOpen();
    }
    const auto from = indexedUpTo();
    if (!from.ok()) {
        return from.status();
    }
    auto entries = unindexed(from.value(), most);
    if (!entries.ok() || entries->empty()) {
        return entries.ok() ? Result<size_t>(size_t{0}) : entries.status();
    }
    const uint64_t upTo = entries->back().message;
    // Rows that come in their order are one segment of the index.
    std::sort(
        entries->begin(), entries->end(),
        [](const Entry& left, const Entry& right) { return left.place < right.place; });
    Status status = database_.execute("PRAGMA synchronous = NORMAL", "indexing");
    if (status.ok()) {
        status = database_.begin();
    }
    if (status.ok()) {
        status = writeEntries(from.value(), upTo, entries.value());
        crashPoint("while-indexing");
        status = status.ok() ? database_.commit() : status;
        database_.rollback();
    }
    const Status restored = database_.execute("PRAGMA synchronous = FULL", "indexing");
    if (!status.ok() || !restored.ok()) {
        return status.ok() ? restored : status;
    }
    return entries->size();
}

}  // namespace messaging::worker::sqlite
