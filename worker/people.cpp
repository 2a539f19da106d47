// Two passes over the file, a line at a time: one that judges, one that stores. What
// a line leaves out stays as it is known.
#include "worker/people.hpp"

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <vector>

#include "schema/json.hpp"
#include "schema/text.hpp"
#include "worker/shards.hpp"
#include "worker/store.hpp"

namespace messaging::worker {
namespace {

constexpr int kDone = 0;
constexpr int kWrongLines = 1;
constexpr int kFailed = 2;

// An id, a role and a name of four-byte characters, escaped, and some white space.
constexpr size_t kMaxLine = 8 * 1024;
constexpr size_t kBatch = 500;
constexpr uint64_t kMostNamed = 100;

struct Person {
    std::string id;
    std::optional<std::string> role;
    std::optional<std::string> name;
};

Result<Person> parsePerson(const std::string& line) {
    const Result<json::Value> object = json::parse(line);
    if (!object.ok()) {
        return {Code::InvalidJson, "no JSON object"};
    }
    if (!object->is(json::Type::Object)) {
        return {Code::InvalidJson, "no JSON object"};
    }
    Person person;
    for (const auto& [name, value] : object->members) {
        if (name != "id" && name != "role" && name != "name") {
            return {Code::UnknownField, "unknown field " + preview(name, 40)};
        }
        const bool valid = value.is(json::Type::String) &&
                           (name == "id" ? validUser(value.text)
                                         : validName(value.text, limits::kMaxName));
        if (!valid) {
            return {Code::InvalidField, "invalid " + name};
        }
        if (name == "id") {
            person.id = value.text;
        } else {
            (name == "role" ? person.role : person.name) = value.text;
        }
    }
    if (person.id.empty()) {
        return {Code::MissingField, "no id"};
    }
    return person;
}

// Calls with every line that is not empty; a line that is too long is one of its
// beginning. Failure where the file cannot be read to its end.
Status eachLine(const std::string& path, const std::atomic<bool>& stop,
                const std::function<Status(uint64_t, const std::string&)>& visit) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return {Code::InvalidField, "cannot read " + path};
    }
    std::string line;
    uint64_t number = 1;
    for (char c = 0; file.get(c);) {
        if (c != '\n') {
            if (line.size() <= kMaxLine) {
                line += c;
            }
            continue;
        }
        Status status = trim(line).empty() ? Status() : visit(number, line);
        if (!status.ok()) {
            return status;
        }
        if (stop) {
            return {Code::Internal, "stopped before its end"};
        }
        line.clear();
        ++number;
    }
    if (file.bad()) {
        return {Code::Internal, "cannot read " + path};
    }
    return trim(line).empty() ? Status() : visit(number, line);
}

struct Counts {
    uint64_t fresh = 0;
    uint64_t changed = 0;
    uint64_t same = 0;
};

Status store(Store& store, const std::string& site, const std::vector<Person>& people,
             Counts* counts) {
    std::vector<std::string> ids;
    for (const Person& person : people) {
        ids.push_back(person.id);
    }
    Result<std::vector<User>> found = store.users(site, ids);
    if (!found.ok()) {
        return found.status();
    }
    std::map<std::string, User> known;
    for (User& user : found.value()) {
        known[user.id] = std::move(user);
    }
    std::map<std::string, User> put;
    for (const Person& person : people) {
        const auto before = known.find(person.id);
        User user =
            before == known.end() ? User{site, person.id, {}, {}} : before->second;
        const User old = user;
        user.role = person.role.value_or(user.role);
        user.name = person.name.value_or(user.name);
        if (before == known.end()) {
            ++counts->fresh;
        } else if (old.role != user.role || old.name != user.name) {
            ++counts->changed;
        } else {
            ++counts->same;
            continue;
        }
        known[person.id] = user;
        put[person.id] = std::move(user);
    }
    if (put.empty()) {
        return {};
    }
    std::vector<User> users;
    for (auto& [id, user] : put) {
        users.push_back(std::move(user));
    }
    Status status = store.begin({thisOwner().id(), {}});
    if (status.ok()) {
        status = store.putUsers(users);
    }
    if (status.ok()) {
        status = store.commit();
    }
    if (!status.ok()) {
        const Status undone = store.abandon();
        return {status.code(), status.detail() + undone.detail()};
    }
    return {};
}

int fail(const Status& status) {
    std::fprintf(stderr, "messaging-worker: people: %s\n", status.detail().c_str());
    return kFailed;
}

}  // namespace

int loadPeople(const std::string& storeUri, const std::string& site,
               const std::string& path, const std::atomic<bool>& stop) {
    uint64_t wrong = 0;
    Status status = eachLine(path, stop, [&](uint64_t number, const std::string& line) {
        const Status judged = line.size() > kMaxLine
                                  ? Status(Code::InvalidField, "longer than 8 KB")
                                  : parsePerson(line).status();
        if (!judged.ok() && ++wrong <= kMostNamed) {
            std::fprintf(stderr, "%s:%" PRIu64 ": %s\n", path.c_str(), number,
                         judged.detail().c_str());
        }
        return Status();
    });
    if (!status.ok()) {
        return fail(status);
    }
    if (wrong > 0) {
        std::fprintf(stderr,
                     "messaging-worker: people: %" PRIu64
                     " wrong lines; nothing was stored\n",
                     wrong);
        return kWrongLines;
    }
    auto made = makeStore(storeUri);
    status = made.ok() ? made.value()->open() : made.status();
    if (!status.ok()) {
        return fail(status);
    }
    Counts counts;
    std::vector<Person> batch;
    status = eachLine(path, stop, [&](uint64_t, const std::string& line) -> Status {
        Result<Person> person = parsePerson(line);
        if (!person.ok()) {
            return {Code::Internal, "the file changed meanwhile"};
        }
        batch.push_back(std::move(person.value()));
        if (batch.size() < kBatch) {
            return {};
        }
        Status stored = store(*made.value(), site, batch, &counts);
        batch.clear();
        return stored;
    });
    if (status.ok()) {
        status = store(*made.value(), site, batch, &counts);
    }
    std::printf("%" PRIu64 " new, %" PRIu64 " changed, %" PRIu64 " unchanged\n",
                counts.fresh, counts.changed, counts.same);
    return status.ok() ? kDone : fail(status);
}

}  // namespace messaging::worker
