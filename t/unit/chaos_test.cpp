// Thousands of random operations. First against a model so simple that it can be
// believed, every answer compared and every unread count recounted after each batch;
// then with a store that fails, workers that die and two owners at once, where what was
// promised must hold.
#include <random>
#include <set>
#include <utility>

#include "t/unit/handler_fixture.hpp"

namespace messaging::unit {
namespace {

using Fault = MemoryStore::Fault;
using Kind = MemoryStore::Kind;

const std::vector<std::string> kUsers = {"ann", "bob", "cat", "dan", "eve"};

struct Dice {
    explicit Dice(unsigned seed) : engine(seed) {}
    size_t below(size_t bound) { return engine() % bound; }
    bool once(size_t in) { return below(in) == 0; }

    std::mt19937 engine;
};

// Two or three members, few enough that conversations are met again and again.
std::vector<std::string> someMembers(Dice& dice) {
    std::set<std::string> members = {kUsers[dice.below(kUsers.size())]};
    const size_t wanted = dice.once(4) ? 3 : 2;
    while (members.size() < wanted) {
        members.insert(kUsers[dice.below(kUsers.size())]);
    }
    return {members.begin(), members.end()};
}

Delivered someEntry(Dice& dice, uint64_t now) {
    const std::vector<std::string> members = someMembers(dice);
    const std::string id = idOf(members);
    const std::string user = dice.once(20) ? kUsers[dice.below(kUsers.size())]
                                           : members[dice.below(members.size())];
    const bool member =
        std::find(members.begin(), members.end(), user) != members.end();
    const std::string content = std::to_string(dice.below(3));
    const std::string key = dice.once(3) ? "c:" + std::to_string(dice.below(40)) : "";
    Delivered entry;
    const size_t what = dice.below(20);
    if (what < 2 && member) {
        entry = startOf(user, members);
    } else if (what < 5 && member) {
        entry = startOf(user, members, content, key);
    } else if (what < 14) {
        entry = sendOf(user, id, content, key);
    } else if (what < 17) {
        entry = readOf(user, id);
    } else {
        entry = readOf(user, id, dice.below(30));
    }
    entry.at = now - dice.below(50);
    entry.expired = dice.once(30);
    return entry;
}

// --- What is true of messages and memberships, counted the slow way

void recount(MemoryDatabase& database) {
    for (const auto& [ref, messages] : database.messages) {
        uint64_t next = 1;
        uint64_t time = 0;
        std::map<std::string, uint64_t> ordinals;
        for (const auto& [seq, message] : messages) {
            ck_assert_uint_eq(seq, next++);
            ck_assert_uint_eq(message.ordinal, ++ordinals[message.member]);
            ck_assert_uint_ge(message.createdAt, time);
            time = message.createdAt;
        }
        if (messages.empty()) {
            continue;
        }
        const Message& last = messages.rbegin()->second;
        for (const std::string& member : database.conversations.at(ref).members) {
            const Membership& row = database.memberships[ref].at(member);
            uint64_t unread = 0;
            uint64_t readSent = 0;
            for (const auto& [seq, message] : messages) {
                const bool own = message.member == member;
                unread += seq > row.readSeq && !own ? 1 : 0;
                readSent += seq <= row.readSeq && own ? 1 : 0;
            }
            ck_assert_uint_eq(row.unread(), unread);
            ck_assert_uint_eq(row.lastSeq, last.seq);
            ck_assert_uint_eq(row.sent, ordinals[member]);
            ck_assert_uint_eq(row.readSent, readSent);
            ck_assert_uint_le(row.readSeq, row.lastSeq);
            ck_assert_uint_eq(row.activity, last.createdAt);
            ck_assert_uint_eq(row.preview.seq, last.seq);
            EXPECT_TEXT(row.preview.sender, last.sender);
            EXPECT_TEXT(row.preview.content, last.content);
        }
    }
}

// --- The model

struct Model {
    struct Said {
        std::string sender;
        std::string key;
        std::string request;
    };
    struct Talk {
        std::vector<std::string> members;
        std::vector<Said> said;
        std::map<std::string, uint64_t> read;
    };

    // "STATUS SEQ" of a message, "STATUS READSEQ UNREAD" of a read, "STATUS" else, ""
    // where nobody is answered.
    std::string run(const Delivered& entry) {
        if (entry.expired) {
            return "";
        }
        const Command& command = entry.command;
        const std::string& user = command.who.user;
        auto talk = talks.find(command.conversation);
        bool fresh = false;
        std::optional<std::string> content;
        if (command.operation == Operation::Start) {
            const auto arguments = parseStart(command.body, user);
            fresh = talk == talks.end();
            if (fresh) {
                talk =
                    talks
                        .emplace(command.conversation, Talk{arguments->members, {}, {}})
                        .first;
            }
            content = arguments->content;
        } else if (command.operation == Operation::Send) {
            content = parseSend(command.body)->content;
        }
        if (talk == talks.end()) {
            return "404";
        }
        Talk& known = talk->second;
        if (std::find(known.members.begin(), known.members.end(), user) ==
            known.members.end()) {
            return "404";
        }
        if (command.operation == Operation::Read) {
            return read(known, user, parseRead(command.body)->seq);
        }
        if (!content) {
            return fresh ? "201" : "200";
        }
        return say(known, entry, fresh);
    }

    std::string say(Talk& talk, const Delivered& entry, bool fresh) {
        const Command& command = entry.command;
        const bool start = command.operation == Operation::Start;
        const std::string request = (start ? "start" : "send") + command.body;
        for (size_t i = 0; i < talk.said.size(); ++i) {
            const Said& said = talk.said[i];
            if (said.sender == command.who.user && said.key == command.key) {
                return said.request == request ? "200 " + std::to_string(i + 1) : "422";
            }
        }
        talk.said.push_back({command.who.user, command.key, request});
        return (start && !fresh ? "200 " : "201 ") + std::to_string(talk.said.size());
    }

    std::string read(Talk& talk, const std::string& user, std::optional<uint64_t> seq) {
        const uint64_t last = talk.said.size();
        uint64_t& position = talk.read[user];
        position = std::max(position, std::min(seq.value_or(last), last));
        return "200 " + std::to_string(position) + ' ' +
               std::to_string(unread(talk, user));
    }

    static uint64_t unread(const Talk& talk, const std::string& user) {
        const auto position = talk.read.find(user);
        const uint64_t from = position == talk.read.end() ? 0 : position->second;
        uint64_t count = 0;
        for (uint64_t i = from; i < talk.said.size(); ++i) {
            count += talk.said[i].sender == user ? 0 : 1;
        }
        return count;
    }

    std::map<std::string, Talk> talks;
};

std::string answered(const Delivered& entry, const Reply& reply) {
    const std::string status = std::to_string(reply.status);
    if (reply.code != Code::Ok) {
        return status;
    }
    switch (entry.command.operation) {
        case Operation::Read:
            return status + ' ' + at(reply.body, "readSeq") + ' ' +
                   at(reply.body, "unreadCount");
        case Operation::Send:
            return status + ' ' + at(reply.body, "seq");
        default:
            return at(reply.body, "message") == "null"
                       ? status
                       : status + ' ' + at(reply.body, "message.seq");
    }
}

// The last `unread` that each inbox was told must be what a recount says.
void compareEvents(Bench& bench, const Model& model) {
    std::map<std::pair<std::string, std::string>, std::string> told;
    for (const Publication& publication : bench.effects.publications) {
        for (const Event& event : publication.events) {
            if (event.type == "unread") {
                told[{at(event.data, "conversationId"), publication.member}] =
                    at(event.data, "unreadCount");
            }
        }
    }
    for (const auto& [who, count] : told) {
        const Model::Talk& talk = model.talks.at(who.first);
        EXPECT_TEXT(count, std::to_string(Model::unread(talk, who.second)));
    }
}

// 5,000 operations on each kind of store.
START_TEST(model) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        Dice dice(kind == Kind::Plain ? 7 : 8);
        Bench bench(kind);
        Model model;
        size_t done = 0;
        for (uint64_t now = kNow; done < 5000; now += 10) {
            std::vector<Delivered> batch;
            for (size_t i = 1 + dice.below(12); i > 0; --i) {
                batch.push_back(someEntry(dice, now));
                if (dice.once(8)) {
                    batch.push_back(batch.back());  // sent twice
                }
            }
            done += batch.size();
            bench.run(batch);
            size_t next = 0;
            for (const Delivered& entry : batch) {
                const std::string wanted = model.run(entry);
                if (!wanted.empty()) {
                    const Reply& reply = bench.reply(next++);
                    EXPECT_TEXT(reply.id, entry.command.id);
                    EXPECT_TEXT(answered(entry, reply), wanted);
                }
            }
            ck_assert_uint_eq(bench.effects.replies.size(), next);
            compareEvents(bench, model);
            if (done % 5 == 0) {
                recount(bench.database);
            }
            if (dice.once(50)) {
                bench.restart();
            }
            if (dice.once(20)) {
                bench.writer->forget(
                    static_cast<unsigned>(dice.below(limits::kShards)));
            }
        }
        recount(bench.database);
        for (const auto& [id, talk] : model.talks) {
            ck_assert_uint_eq(bench.database.messages[refOf(id)].size(),
                              talk.said.size());
            for (const auto& [user, position] : talk.read) {
                const auto& rows = bench.database.memberships[refOf(id)];
                const auto row = rows.find(user);
                ck_assert_uint_eq(row == rows.end() ? 0 : row->second.readSeq,
                                  position);
            }
        }
    }
}

// --- Chaos

// What the outside knows: which messages were promised, and which surely are not there.
struct Ledger {
    using Name = std::pair<std::string, std::string>;  // conversation, sender and key

    void note(const Delivered& entry, const Reply& reply) {
        const Command& command = entry.command;
        if (command.operation == Operation::Read || reply.code != Code::Ok) {
            return;
        }
        const bool send = command.operation == Operation::Send;
        const std::string seq = at(reply.body, send ? "seq" : "message.seq");
        if (seq == "-") {
            return;
        }
        const auto [place, first] = seqs.try_emplace(
            {command.conversation, command.who.user + ' ' + command.key}, seq);
        EXPECT_TEXT(place->second, seq);  // one message, whoever asks
    }

    void check(MemoryDatabase& database) const {
        for (const auto& [name, seq] : seqs) {
            const auto& messages = database.messages[refOf(name.first)];
            const auto message = messages.find(std::stoull(seq));
            EXPECT_FOR(message != messages.end(), seq);
            EXPECT_TEXT(message->second.sender + ' ' + message->second.key,
                        name.second);
        }
    }

    std::map<Name, std::string> seqs;
};

// A worker as the bus drives it: what it must run again waits in `pending`.
struct Worker {
    Worker(MemoryDatabase& database, Kind kind, std::string name)
        : store(database, kind), name_(std::move(name)) {
        restart();
    }
    void restart() { writer = std::make_unique<worker::Writer>(store, name_); }

    void settle(const std::vector<Delivered>& batch, const Effects& effects,
                Ledger& ledger) {
        for (const auto& [channel, reply] : effects.replies) {
            for (const Delivered& entry : batch) {
                if (entry.command.id == reply.id) {
                    ledger.note(entry, reply);
                    break;
                }
            }
        }
    }
    // False: a definite refusal.
    bool run(const std::vector<Delivered>& batch, Ledger& ledger) {
        Effects effects;
        const Status status = writer->run(batch, effects);
        if (status.ok()) {
            settle(batch, effects, ledger);
        } else if (status.code() == Code::Internal) {
            pending.insert(pending.end(), batch.begin(), batch.end());
        }
        return status.code() != Code::StoreUnavailable;
    }
    bool drain(Dice& dice, Ledger& ledger) {
        while (!pending.empty()) {
            const std::vector<Delivered> one = {again(pending.front(), dice.once(5))};
            Effects effects;
            if (!writer->run(one, effects).ok()) {
                return false;
            }
            settle(one, effects, ledger);
            pending.erase(pending.begin());
        }
        return true;
    }

    MemoryStore store;
    std::unique_ptr<worker::Writer> writer;
    std::vector<Delivered> pending;

private:
    std::string name_;
};

size_t stored(const MemoryDatabase& database) {
    return database.keys.size();
}

void breakSomething(Dice& dice, Worker& worker) {
    const Fault faults[] = {Fault::Definite, Fault::UnknownNot, Fault::UnknownDone};
    worker.store.failAt(1 + dice.below(9), faults[dice.below(3)], 1 + dice.below(2));
}

START_TEST(chaos) {
    for (const Kind kind : {Kind::Transactional, Kind::Plain}) {
        for (unsigned seed = 1; seed <= 3; ++seed) {
            Dice dice(seed);
            MemoryDatabase database;
            Ledger ledger;
            Worker one(database, kind, "one");
            Worker two(database, kind, "two");
            uint64_t now = kNow;
            // A transaction keeps the others out; without one they come in anywhere.
            if (kind == Kind::Plain) {
                one.store.before("", [&] {
                    if (dice.once(6)) {
                        two.run({someEntry(dice, now), someEntry(dice, now)}, ledger);
                    }
                });
            }
            for (int step = 0; step < 400; ++step, now += 10) {
                Worker& worker = dice.once(3) ? two : one;
                if (dice.once(3)) {
                    breakSomething(dice, worker);
                }
                std::vector<Delivered> batch;
                for (size_t i = 1 + dice.below(8); i > 0; --i) {
                    batch.push_back(someEntry(dice, now));
                }
                const size_t before = stored(database);
                const bool alone = kind == Kind::Transactional || &worker == &two;
                const bool drained = worker.drain(dice, ledger);
                const size_t between = stored(database);
                if (drained && !worker.run(batch, ledger) && alone) {
                    ck_assert_uint_eq(stored(database), between);  // surely not stored
                }
                ck_assert_uint_ge(stored(database), before);
                if (dice.once(10)) {
                    worker.restart();
                }
                worker.store.failAt(0, Fault::None, 0);
                if (dice.once(5)) {
                    ck_assert(one.drain(dice, ledger) && two.drain(dice, ledger));
                    Effects effects;
                    // Each finishes what it left, whatever it was.
                    ck_assert(one.writer->run({readOf("ann", "x")}, effects).ok());
                    ck_assert(two.writer->run({readOf("ann", "x")}, effects).ok());
                    ck_assert(one.drain(dice, ledger) && two.drain(dice, ledger));
                    ledger.check(database);
                }
            }
            ck_assert(one.drain(dice, ledger) && two.drain(dice, ledger));
            // Whoever comes last: no memory, every note rolled forward.
            Worker heir(database, kind, "heir");
            for (const uint64_t later : {now, now + 60000}) {
                Effects effects;
                const auto dead = [](const std::string&) { return worker::Fate::Dead; };
                ck_assert(heir.writer->rollForward(later, dead, effects).ok());
            }
            ledger.check(database);
            recount(database);
            ck_assert_uint_gt(stored(database), 500);
            for (const Worker* worker : {&one, &two, &heir}) {
                for (const std::string& complaint : worker->store.complaints) {
                    ck_abort_msg("%s", complaint.c_str());
                }
            }
        }
    }
}

}  // namespace

Suite* chaosSuite() {
    return suiteOf("chaos", {model, chaos});
}

}  // namespace messaging::unit
