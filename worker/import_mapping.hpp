// How a site's own collections say what a conversation and a message are: a few names
// of fields, from a file and from the command line. Pure.
//
// A value is a field, or alternatives of it parted by "|": the first that a document
// has. Of collections and of what is sorted by, the first that the source has.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/json.hpp"
#include "schema/status.hpp"

namespace messaging::worker {

class Mapping {
public:
    // Where a member of a conversation stands: fields, or a team's own name.
    struct Member {
        std::vector<std::string> fields;
        std::string team;
        std::string role;  // empty: the users' own
    };

    // The object of a data file. UnknownField, InvalidField and MissingField name it.
    Status read(const json::Value& object);
    // One more, "NAME=VALUE"; wins over the file. An empty value takes it away.
    Status set(const std::string& assignment);
    // Whether all is there that an import needs.
    Status complete() const;

    // Empty: there is none.
    const std::string& text(std::string_view name) const;
    std::vector<std::string> alternatives(std::string_view name) const;
    // "FIELD=ROLE,FIELD=ROLE,team:ROLE" of conversation.members.
    const std::vector<Member>& members() const { return members_; }
    // As this worker calls a role of the source's: by role.NAME, else in small letters.
    std::string roleOf(std::string_view name) const;
    // Two people's messages without a conversation's document.
    bool pairs() const { return text("conversations").empty(); }

private:
    Status put(const std::string& name, const std::string& value);

    std::map<std::string, std::string, std::less<>> values_;
    std::vector<Member> members_;
};

// "a|b" by "|"; nothing of an empty text.
std::vector<std::string> splitBy(std::string_view text, char separator);

}  // namespace messaging::worker
