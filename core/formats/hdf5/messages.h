// What single messages of an object header say: shapes, types, filters, layouts.
#pragma once

#include "core/base/cursor.h"
#include "core/formats/hdf5/header.h"

namespace keras::hdf5 {

struct Dataspace {
  std::vector<int64_t> shape;
  std::vector<uint64_t> max_shape;  // kUndefined: without limit
};

Dataspace parse_dataspace(Cursor cursor);
/// Types that are neither numbers nor strings become kOther.
Type parse_datatype(Cursor& cursor);
/// A type that stands in the message, or, where it is shared, in another object.
Type read_type(const FileView& file, Cursor cursor, bool shared);
std::vector<Filter> parse_filters(const FileView& file, const RawMessage& message);
/// The value of elements that were never written, by the old message or the new one (versions 1 to 3).
std::vector<std::byte> parse_fill(Cursor cursor, uint16_t message);
/// Where the elements are. REQUIRES: type and shape of `dataset` are set.
void parse_layout(const FileView& file, const RawMessage& message, const std::vector<uint64_t>& max_shape, Dataset& dataset);

}  // namespace keras::hdf5
