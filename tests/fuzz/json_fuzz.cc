// JSON in Python's dialect: what is read is written, and read again as the same.
#include "core/keras/config/json.h"
#include "tests/fuzz/fuzz.h"

using namespace keras;
using namespace keras::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  survives([&] {
    const Json value = parse_json({reinterpret_cast<const char*>(data), size}, "fuzzed", small_limits());
    const std::string text = dump_json(value);
    require(dump_json(parse_json(text, "written", small_limits())) == text);
  });
  return 0;
}
