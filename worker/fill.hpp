// Puts conversations that were written elsewhere into a store, of an import or of a
// seed: messages get their numbers in the order in which they come, and what is there
// already is left as it is, so that a second run adds only what is new.
//
// Everything goes through the store's batches, so a worker may write meanwhile: its
// numbers and ours meet the same unique keys. Of one thread, as its store.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "worker/store.hpp"

namespace messaging::worker {

// What a filler made of what it was given.
struct Filled {
    uint64_t conversations = 0;  // new ones
    uint64_t messages = 0;       // new ones
    uint64_t known = 0;          // messages that were there
};

// What became of a conversation that was handed in.
enum class Opened {
    Ready,
    OtherMembers,   // its id is another conversation's: it is left out
    StartedAnew,    // its members started one here before: it gets no alias
    SecondOfThese,  // an older one of the same members has the alias
};

class Filler {
public:
    // A dry one counts and writes nothing.
    Filler(Store& store, std::string owner, bool dry)
        : store_(store), owner_(std::move(owner)), dry_(dry) {}

    // Looks up the next conversations, at most kPage, all of one site. `wanted.forward`
    // is empty; an alias is made where the derived id is another one.
    static constexpr size_t kPage = 100;
    Status look(const std::vector<Conversation>& wanted);

    // The next of those: its messages follow, in their order.
    Opened open(size_t index);
    // `read`: by whom it was for. Its key, sender, member and all but its numbers are
    // the caller's; it is stored by its key once. Ok also where it was there.
    struct Added {
        bool known = false;
        bool late = false;  // older than what was there: stands behind it all the same
        bool unkept = false;  // read, after an unread one: no mark says that here
    };
    Result<Added> add(Message message, bool read);
    // All its messages were given.
    Status close();
    // At the end of each page.
    Status flush();

    const Filled& filled() const { return filled_; }

private:
    // A member's numbers, as far as the messages were given.
    struct Seat {
        uint64_t sent = 0;
        uint64_t readSeq = 0;
        uint64_t readSent = 0;
        bool reads = true;  // no unread one came yet
    };
    struct Place {
        Conversation conversation;
        bool closes = false;  // it was closed there and is open here
        bool stored = false;
        bool touched = false;  // by what is not flushed
        Opened opened = Opened::Ready;
        std::string aliasAt;  // empty: none to be made
        uint64_t lastSeq = 0;
        uint64_t lastAt = 0;
        uint64_t newestAt = 0;  // the latest date, wherever it stands
        Preview preview;
        std::vector<Seat> seats;
        std::map<std::string, Membership> memberships;  // as found
        // What is stored already, a page at a time: imported ones come in order.
        std::deque<Message> page;
        uint64_t pageEnd = 0;
        uint64_t end = 0;  // what was stored when we looked

        size_t seatOf(const std::string& member) const;
    };

    Result<std::optional<Message>> find(const Message& message);
    Status turnPage(Place& place);
    void mark(Place& place, const Message& message, bool read, Added* added);
    void touch(Place& place);
    Status write();
    Status writeBatch();
    Status insert();
    Status renumber(std::vector<size_t>& left);
    Status closeStored(Place& place);
    std::vector<Membership> membershipsOf(const Place& place) const;

    Store& store_;
    const std::string owner_;
    const bool dry_;
    Filled filled_;
    std::vector<std::unique_ptr<Place>> places_;
    Place* at_ = nullptr;
    // Of the next batch, each with its place.
    std::vector<Message> messages_;
    std::vector<Place*> owners_;
};

}  // namespace messaging::worker
