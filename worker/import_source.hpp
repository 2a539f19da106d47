// What an import reads from: somebody else's store, as conversations, messages and
// people, in an order in which they can be followed with little memory. Reads only.
// Failures are StoreUnavailable; details are for people.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schema/status.hpp"
#include "worker/import_mapping.hpp"

namespace messaging::worker {

struct SourceMember {
    std::string id;
    std::string role;
};

// Texts as they stand there; what is absent is empty, or 0.
struct SourceConversation {
    std::string id;
    std::string order;  // of ids: which of two the source has first
    std::vector<SourceMember> members;
    std::string contextId;
    std::string subject;
    bool closed = false;
    uint64_t createdAt = 0;
};

struct SourceMessage {
    std::string id;
    std::string conversation;  // of pairs: empty
    std::string order;         // its conversation's
    std::string sender;
    std::string receiver;  // of pairs
    std::string role;
    std::string content;
    std::string contextId;
    uint64_t createdAt = 0;
    bool dated = true;  // else createdAt is a guess
    bool read = false;
};

struct SourceUser {
    std::string id;
    std::string role;
    std::string name;
};

class ImportSource {
public:
    virtual ~ImportSource() = default;

    // Connects, and finds out which of the alternatives there are.
    virtual Status open() = 0;
    // How many messages there were when it was opened.
    virtual uint64_t messages() const = 0;
    // Whether there are users at all.
    virtual bool hasUsers() const = 0;

    // The next page by rising id, at most `most`; an empty one is the end.
    virtual Result<std::vector<SourceConversation>> conversations(size_t most) = 0;
    // The next message: by conversation (or pair of people), rising as their ids do,
    // then by date, then by id.
    virtual Result<std::optional<SourceMessage>> message() = 0;
    virtual Result<std::vector<SourceUser>> users(size_t most) = 0;
    // Which of these are users.
    virtual Result<std::set<std::string>> known(const std::set<std::string>& ids) = 0;
};

// Of a mongodb:// URI. Not yet opened.
Result<std::unique_ptr<ImportSource>> makeSource(const std::string& uri,
                                                 const Mapping& mapping);

}  // namespace messaging::worker
