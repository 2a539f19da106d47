// Who has a stream in this process, and what of it is to be told: at once that somebody
// came, now and then that they are there still, and that they went only when they have
// not come back for a moment, as one does who turns a page. Pure: no clock, no socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "schema/limits.hpp"

namespace messaging::core {

struct Person {
    std::string site;
    std::string user;

    bool operator<(const Person& other) const {
        return site != other.site ? site < other.site : user < other.user;
    }
};

class Presence {
public:
    static constexpr uint64_t kGrace = 5000;  // milliseconds

    // One more stream, one less. Each that goes had come.
    void come(const Person& person, uint64_t now);
    void go(const Person& person, uint64_t now);
    // Redis may have forgotten them.
    void forgotten(uint64_t now);

    struct News {
        Person person;
        bool here = false;
    };
    // What is to be told now, up to `most`.
    std::vector<News> take(uint64_t now, size_t most);
    bool empty() const { return people_.empty(); }

private:
    struct Entry {
        size_t streams = 0;
        uint64_t due = 0;
    };
    using Due = std::pair<uint64_t, Person>;

    void move(const Person& person, Entry& entry, uint64_t due);

    std::map<Person, Entry> people_;
    std::set<Due> due_;
};

}  // namespace messaging::core
