// Checkpoints as tables of tensors by name, without any model.
#include <emscripten/bind.h>

#include <algorithm>

#include "core/base/crc32c.h"
#include "core/formats/tensor_bundle/bundle_reader.h"
#include "wasm/convert.h"
#include "wasm/engine.h"

namespace keras {
namespace {

/// {shard, offset, bytes}
val place_to_js(const BundleEntry& entry) {
  val object = val::object();
  object.set("shard", entry.shard);
  object.set("offset", static_cast<double>(entry.offset));
  object.set("bytes", static_cast<double>(entry.bytes));
  return object;
}

/// {id, shardCount, entries: [{name, dtype, shape, partitioned, parts: [{shard, offset, bytes}]}]} of the bytes of an index.
/// Partitioned variables have a part for each slice, all others one.
val open_bundle(const std::string& file, const val& index) {
  return guarded([&] {
    const MemorySource source(file, bytes_from_js(index));
    const auto reader = std::make_shared<BundleReader>(BundleReader::open(source, engine().session.limits));
    val entries = val::array();
    for (const auto& [name, entry] : reader->entries()) {
      if (name.starts_with('\0')) continue;  // a slice
      val object = val::object();
      object.set("name", name);
      object.set("dtype", entry.dtype);
      object.set("shape", val::array(std::vector<double>(entry.shape.begin(), entry.shape.end())));
      val parts = val::array();
      if (entry.slices.empty()) parts.call<void>("push", place_to_js(entry));
      for (const TensorSlice& slice : entry.slices) parts.call<void>("push", place_to_js(reader->entry(slice.key)));
      object.set("partitioned", !entry.slices.empty());
      object.set("parts", parts);
      entries.call<void>("push", object);
    }
    val result = val::object();
    result.set("id", engine().bundles.add(reader));
    result.set("shardCount", reader->shard_count());
    result.set("entries", entries);
    return result;
  });
}

void check_bundle_shards(int id, const val& sizes) {
  guarded([&] {
    const std::vector<double> numbers = emscripten::convertJSArrayToNumberVector<double>(sizes);
    engine().bundles.get(id)->check_shards(std::vector<int64_t>(numbers.begin(), numbers.end()));
  });
}

void verify_bundle_values(int id, const std::string& name, const val& stored) {
  guarded([&] { engine().bundles.get(id)->verify(name, bytes_from_js(stored)); });
}

/// A tensor of strings from its stored bytes.
val decode_bundle_strings(int id, const std::string& name, const val& stored) {
  return guarded([&] {
    const BundleReader& reader = *engine().bundles.get(id);
    std::vector<std::string> strings = reader.decode_strings(name, bytes_from_js(stored), engine().session.limits);
    Tensor tensor = Tensor::allocate(DType::kString, Shape(reader.entry(name).shape));
    std::move(strings.begin(), strings.end(), tensor.data<std::string>());
    return tensor_to_js(tensor);
  });
}

/// The whole of a partitioned variable from the stored bytes of its slices.
val join_bundle_slices(int id, const std::string& name, const val& parts) {
  return guarded([&] {
    const BundleReader& reader = *engine().bundles.get(id);
    const BundleEntry& entry = reader.entry(name);
    Tensor whole = Tensor::allocate(static_cast<DType>(entry.dtype), Shape(entry.shape));
    for (unsigned i = 0; i < entry.slices.size(); ++i) {
      const std::vector<std::byte> values = bytes_from_js(parts[i]);
      reader.verify_slice_crc(name, i, crc32c(values));
      reader.place_slice(name, i, values, whole.bytes());
    }
    return tensor_to_js(whole);
  });
}

void release_bundle(int id) { engine().bundles.release(id); }

}  // namespace

EMSCRIPTEN_BINDINGS(keras_bundle) {
  emscripten::function("openBundle", &open_bundle);
  emscripten::function("checkBundleShards", &check_bundle_shards);
  emscripten::function("verifyBundleValues", &verify_bundle_values);
  emscripten::function("decodeBundleStrings", &decode_bundle_strings);
  emscripten::function("joinBundleSlices", &join_bundle_slices);
  emscripten::function("releaseBundle", &release_bundle);
}

}  // namespace keras
