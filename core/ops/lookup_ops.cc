// Lookup tables. Each run of an op that makes one makes a new one: whoever wants to share a table passes its handle on.
#include "core/ops/elementwise.h"
#include "core/ops/lookup_table.h"
#include "core/ops/resources.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/table_text.h"

namespace keras {
namespace {

template <LookupTable::Kind kKind>
void make_kernel(KernelContext& c) {
  const DType key = c.attrs().get_dtype("key_dtype"), value = c.attrs().get_dtype("value_dtype");
  const auto is_held = [](DType dtype) { return dtype == DType::kString || dtype_bytes(dtype) > 0; };
  if (!is_held(key) || !is_held(value)) throw InvalidArgumentError("A table of {} to {} cannot be made", key, value);
  c.set_output(0, table_handle(std::make_shared<LookupTable>(kKind, key, value)));
}

void find_shape(ShapeContext& c) { c.set_output(0, c.input(1)); }
void find_kernel(KernelContext& c) {
  const LookupTable& table = table_of(c.input(0));
  const Tensor &keys = c.input(1), &missing = c.input(2);
  table.find(keys, missing, c.output(0, keys.shape()));
}

void fill_kernel(KernelContext& c) { table_of(c.input(0)).fill(c.input(1), c.input(2)); }

void fill_from_text_kernel(KernelContext& c) {
  LookupTable& table = table_of(c.input(0));
  if (table.kind() == LookupTable::Kind::kMutable) throw InvalidArgumentError("A mutable table is not initializable");
  if (c.input(1).rank() != 0) throw InvalidArgumentError("filename should be a single string, but got {}", c.input(1).shape());
  const std::string& file = c.input(1).data<std::string>()[0];
  const Attrs& attrs = c.attrs();
  fill_from_text(table,
                 {attrs.get_int("key_index"), attrs.get_int("value_index"), attrs.get_int("vocab_size"),
                  attrs.get_string("delimiter"), attrs.get_int("offset")},
                 file, c.resources().file(file));
}

LookupTable& mutable_table(KernelContext& c) {
  LookupTable& table = table_of(c.input(0));
  if (table.kind() == LookupTable::Kind::kStatic) throw UnimplementedError("A static table cannot be changed");
  return table;
}
void insert_kernel(KernelContext& c) { mutable_table(c).insert(c.input(1), c.input(2)); }
void remove_kernel(KernelContext& c) { mutable_table(c).remove(c.input(1)); }

void export_shape(ShapeContext& c) {
  c.set_output(0, {kUnknownDim});
  c.set_output(1, {kUnknownDim});
}
void export_kernel(KernelContext& c) {
  const LookupTable& table = table_of(c.input(0));
  if (c.output_dtype(0) != table.key_dtype() || c.output_dtype(1) != table.value_dtype()) {
    throw InvalidArgumentError("The table maps {} to {}, not {} to {}", table.key_dtype(), table.value_dtype(), c.output_dtype(0),
                               c.output_dtype(1));
  }
  Tensor& keys = c.output(0, {table.size()});
  table.export_to(keys, c.output(1, {table.size()}));
}

void size_kernel(KernelContext& c) { c.output(0, Shape()).data<int64_t>()[0] = table_of(c.input(0)).size(); }

constexpr OpDef op(const char* name, const char* signature, ShapeFn shape, KernelFn kernel) {
  return {.name = name, .signature = signature, .shape = shape, .kernel = kernel, .flags = kStateful | kNoGradient};
}

constexpr OpDef kOps[] = {
    op("HashTableV2",
       "() -> (table_handle: resource); container: string = \"\"; shared_name: string = \"\"; use_node_name_sharing: bool = "
       "false; key_dtype: type; value_dtype: type",
       shape::scalar, make_kernel<LookupTable::Kind::kStatic>),
    op("AnonymousHashTable", "() -> (table_handle: resource); key_dtype: type; value_dtype: type", shape::scalar,
       make_kernel<LookupTable::Kind::kStatic>),
    op("MutableHashTableV2",
       "() -> (table_handle: resource); container: string = \"\"; shared_name: string = \"\"; use_node_name_sharing: bool = "
       "false; key_dtype: type; value_dtype: type",
       shape::scalar, make_kernel<LookupTable::Kind::kMutable>),
    op("AnonymousMutableHashTable", "() -> (table_handle: resource); key_dtype: type; value_dtype: type", shape::scalar,
       make_kernel<LookupTable::Kind::kMutable>),
    op("InitializeTableV2", "(table_handle: resource, keys: Tkey, values: Tval) -> (); Tkey: type; Tval: type", shape::unknown,
       fill_kernel),
    op("InitializeTableFromTextFileV2",
       "(table_handle: resource, filename: string) -> (); key_index: int; value_index: int; vocab_size: int = -1; delimiter: "
       "string = \"\\t\"; offset: int = 0",
       shape::unknown, fill_from_text_kernel),
    op("LookupTableImportV2", "(table_handle: resource, keys: Tin, values: Tout) -> (); Tin: type; Tout: type", shape::unknown,
       fill_kernel),
    op("LookupTableFindV2", "(table_handle: resource, keys: Tin, default_value: Tout) -> (values: Tout); Tin: type; Tout: type",
       find_shape, find_kernel),
    op("LookupTableInsertV2", "(table_handle: resource, keys: Tin, values: Tout) -> (); Tin: type; Tout: type", shape::unknown,
       insert_kernel),
    op("LookupTableRemoveV2", "(table_handle: resource, keys: Tin) -> (); Tin: type", shape::unknown, remove_kernel),
    op("LookupTableExportV2", "(table_handle: resource) -> (keys: Tkeys, values: Tvalues); Tkeys: type; Tvalues: type",
       export_shape, export_kernel),
    op("LookupTableSizeV2", "(table_handle: resource) -> (size: int64)", shape::scalar, size_kernel),
};

}  // namespace

std::span<const OpDef> lookup_ops() { return kOps; }

}  // namespace keras
