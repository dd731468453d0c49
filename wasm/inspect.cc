// keras.inspect: files are looked into, nothing is made of them.
#include <emscripten/bind.h>

#include "core/saving/inspect/inspector.h"
#include "wasm/engine.h"
#include "wasm/jobs.h"

namespace keras {
namespace {

Jobs<Inspector>& inspectors() {
  static Jobs<Inspector> jobs;
  return jobs;
}

int make_inspector() {
  return guarded([] { return inspectors().add(std::make_unique<Inspector>(engine().session.limits)); });
}

void add_file(int id, const std::string& path, double size) {
  guarded([&] { inspectors().get(id).add_file(path, static_cast<int64_t>(size)); });
}

void add_bytes(int id, int file, double offset, const val& bytes) {
  guarded([&] { inspectors().get(id).add_bytes(file, static_cast<int64_t>(offset), bytes_from_js(bytes)); });
}

/// What is needed next of files; nothing at the end.
val prepare(int id) {
  return guarded([&] { return wanted_to_js(inspectors().get(id).prepare()); });
}
val digest(int id) {
  return guarded([&] { return wanted_to_js(inspectors().get(id).digest()); });
}

std::string report(int id) {
  return guarded([&] { return inspectors().get(id).report(); });
}

void release(int id) { inspectors().release(id); }

}  // namespace

EMSCRIPTEN_BINDINGS(keras_inspect) {
  emscripten::function("inspector", &make_inspector);
  emscripten::function("inspectorAddFile", &add_file);
  emscripten::function("inspectorAddBytes", &add_bytes);
  emscripten::function("inspectorPrepare", &prepare);
  emscripten::function("inspectorDigest", &digest);
  emscripten::function("inspectorReport", &report);
  emscripten::function("releaseInspector", &release);
}

}  // namespace keras
