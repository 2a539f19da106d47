// The import itself, from a source into a store: two walks side by side, conversations
// and their messages, in the same order. Memory is a page of conversations and a batch
// of messages, however large the source is.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "worker/fill.hpp"
#include "worker/import_source.hpp"

namespace messaging::worker {

// What was not as it should be, by what it is: how often, and which, of the first few.
class Oddities {
public:
    struct Odd {
        uint64_t count = 0;
        std::vector<std::string> examples;
    };
    // `what`: one of the names that text() knows.
    void note(const std::string& what, const std::string& example);
    const std::map<std::string, Odd>& all() const { return all_; }
    // For people: "messages of no conversation".
    static const char* text(const std::string& what);

private:
    std::map<std::string, Odd> all_;
};

struct ImportPlan {
    std::string site;
    std::string owner;
    bool dry = false;
    // After every few messages: how many of about how many were read. False stops.
    std::function<bool(uint64_t done, uint64_t all)> progress;
};

struct ImportOutcome {
    Filled filled;
    uint64_t read = 0;     // messages of the source
    uint64_t people = 0;   // new ones
    bool stopped = false;  // before its end
    Oddities odd;
};

// Everything of the source. A failure leaves what was committed: a second run goes on.
Status runImport(ImportSource& source, const Mapping& mapping, Store& store,
                 const ImportPlan& plan, ImportOutcome* outcome);

}  // namespace messaging::worker
