// Parts of arguments, for the parse functions of model.hpp alone: what they refuse
// names the field. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "schema/json.hpp"
#include "schema/model.hpp"
#include "schema/status.hpp"

namespace messaging {

Status invalid(std::string_view field);
Status missing(std::string_view field);

// The object in `body`, which has members of these names only.
Result<json::Value> parseObject(std::string_view body,
                                std::initializer_list<std::string_view> names);
// As parseObject, where all members can be left out and the body with them.
Result<json::Value> parseOptions(std::string_view body,
                                 std::initializer_list<std::string_view> names);

// One line of a person's words, at both ends without white space.
Result<std::string> parseLine(const json::Value& value, std::string_view field,
                              size_t characters);

// A number of the query or of canonical JSON: both forms are taken. Absent stays
// absent.
Status readNumber(const json::Value& object, std::string_view name,
                  std::optional<uint64_t>* out);
Status readLimit(const json::Value& object, unsigned most, unsigned* limit);
// Of what is looked for page by page: `q`, `limit` and `cursor`; absent ones stay as
// they are.
Status readQuery(const json::Value& object, std::string* q, unsigned* limit,
                 std::string* cursor);

// Whether "open" or "closed" says closed.
Result<bool> parseStatus(const json::Value& value);

// The member `context`. Nothing where it is absent; nothing is not written.
Result<Context> parseContext(const json::Value& object);
void writeContext(json::Writer& writer, const Context& context);

// A message's text, and all of it but that.
Result<std::string> parseContent(const json::Value& value,
                                 const ArgumentLimits& bounds);
Result<SendArguments> parseExtras(const json::Value& object);
void writeExtras(json::Writer& writer, const SendArguments& extras);

}  // namespace messaging
