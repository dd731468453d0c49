// JSON in Keras's dialect: key order is kept, NaN and Infinity are literals, text comes out as Python's json.dumps writes it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/limits.h"

namespace keras {

using Json = nlohmann::ordered_json;

/// Throws DataLossError naming `where` (no JSON), ResourceExhaustedError (size or depth over the limits).
Json parse_json(std::string_view text, std::string_view where, const Limits& limits);

/// As json.dumps(value): ", " and ": " between items, floats in repr form, non-ASCII escaped.
std::string dump_json(const Json& value);

/// value[key], or null where `value` is no object or has no such key.
const Json& json_get(const Json& value, std::string_view key);

}  // namespace keras
