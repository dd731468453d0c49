// Lookup tables. Each run of an op that makes one makes a new one: whoever wants to share a table passes its handle on.
#include "core/ops/elementwise.h"
#include "core/ops/lookup_table.h"
#include "core/ops/resources.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/table_text.h"

namespace keras {
namespace {

void check_dtypes(DType key, DType value) {
  const auto is_held = [](DType dtype) { return dtype == DType::kString || dtype_bytes(dtype) > 0; };
  if (!is_held(key) || !is_held(value)) throw InvalidArgumentError("A table of {} to {} cannot be made", key, value);
}

template <LookupTable::Kind kKind>
void make_kernel(KernelContext& c) {
  const DType key = c.attrs().get_dtype("key_dtype"), value = c.attrs().get_dtype("value_dtype");
  check_dtypes(key, value);
  c.set_output(0, table_handle(std::make_shared<LookupTable>(kKind, key, value)));
}

Shape value_shape(KernelContext& c) {
  const Shape& shape = c.attrs().get<Shape>("value_shape");
  if (!shape.fully_known() || shape.rank() > 1) {
    throw InvalidArgumentError("Default value must be a vector, got shape {}", shape);
  }
  return shape;
}

void make_of_tensors_kernel(KernelContext& c) {
  const DType key = c.attrs().get_dtype("key_dtype"), value = c.attrs().get_dtype("value_dtype");
  check_dtypes(key, value);
  c.set_output(0, table_handle(std::make_shared<LookupTable>(LookupTable::Kind::kMutable, key, value, value_shape(c))));
}

void make_dense_kernel(KernelContext& c) {
  const DType value = c.attrs().get_dtype("value_dtype");
  check_dtypes(c.input(0).dtype(), value);
  const int64_t buckets = c.attrs().get_int("initial_num_buckets");
  if (buckets > c.limits().tensor_bytes / 16) throw ResourceExhaustedError("A table of {} buckets cannot be made", buckets);
  if (c.input(0).rank() > 1)
    throw InvalidArgumentError("Empty key must be a scalar or a vector, got shape {}", c.input(0).shape());
  const LookupTable::Dense dense = {c.input(0), c.input(1), buckets, c.attrs().get_float("max_load_factor")};
  c.set_output(0, table_handle(std::make_shared<LookupTable>(value, value_shape(c), dense)));
}

/// Known of a table that is, or where a default of no dimensions tells that values have none.
void find_shape(ShapeContext& c) {
  const Shape &keys = c.input(1), &missing = c.input(2);
  const Tensor* handle = c.input_value(0);
  if (handle != nullptr && keys.known_rank())
    c.set_output(0, table_of(*handle).found_shape(keys));
  else if (missing.known_rank() && missing.rank() == 0)
    c.set_output(0, keys);
}
void find_kernel(KernelContext& c) {
  const LookupTable& table = table_of(c.input(0));
  const Tensor &keys = c.input(1), &missing = c.input(2);
  table.find(keys, missing, c.output(0, table.found_shape(keys.shape())));
}

void check_initializable(const LookupTable& table) {
  if (table.kind() != LookupTable::Kind::kStatic) throw InvalidArgumentError("The table is not initializable");
}
void initialize_kernel(KernelContext& c) {
  LookupTable& table = table_of(c.input(0));
  check_initializable(table);
  table.initialize(c.input(1), c.input(2));
}
void import_kernel(KernelContext& c) { table_of(c.input(0)).import_from(c.input(1), c.input(2)); }

void fill_from_text_kernel(KernelContext& c) {
  LookupTable& table = table_of(c.input(0));
  check_initializable(table);
  if (c.input(1).rank() != 0) throw InvalidArgumentError("filename should be a single string, but got {}", c.input(1).shape());
  const std::string& file = c.input(1).data<std::string>()[0];
  const Attrs& attrs = c.attrs();
  fill_from_text(table,
                 {attrs.get_int("key_index"), attrs.get_int("value_index"), attrs.get_int("vocab_size"),
                  attrs.get_string("delimiter"), attrs.get_int("offset")},
                 file, c.resources().file(file));
}

LookupTable& mutable_table(KernelContext& c, std::string_view what) {
  LookupTable& table = table_of(c.input(0));
  if (table.kind() == LookupTable::Kind::kStatic) {
    throw UnimplementedError("{} not supported by InitializableLookupTable implementations", what);
  }
  return table;
}
void insert_kernel(KernelContext& c) { mutable_table(c, "Insert").insert(c.input(1), c.input(2)); }
void remove_kernel(KernelContext& c) { mutable_table(c, "Remove").remove(c.input(1)); }

/// How many entries there are is not known before.
void export_shape(ShapeContext& c) {
  const Tensor* handle = c.input_value(0);
  if (handle == nullptr) return;
  const LookupTable& table = table_of(*handle);
  if (table.kind() == LookupTable::Kind::kDense) {
    c.set_output(0, Shape::unknown(2));
    c.set_output(1, Shape::unknown(2));
  } else {
    c.set_output(0, {kUnknownDim});
    c.set_output(1, Shape::unknown(1 + table.value_shape().rank()));
  }
}
void export_kernel(KernelContext& c) {
  const LookupTable& table = table_of(c.input(0));
  if (c.output_dtype(0) != table.key_dtype() || c.output_dtype(1) != table.value_dtype()) {
    throw InvalidArgumentError("The table maps {} to {}, not {} to {}", table.key_dtype(), table.value_dtype(), c.output_dtype(0),
                               c.output_dtype(1));
  }
  Tensor& keys = c.output(0, table.exported_keys());
  table.export_to(keys, c.output(1, table.exported_values()));
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
    op("MutableHashTableOfTensorsV2",
       "() -> (table_handle: resource); container: string = \"\"; shared_name: string = \"\"; use_node_name_sharing: bool = "
       "false; key_dtype: type; value_dtype: type; value_shape: shape = []",
       shape::scalar, make_of_tensors_kernel),
    op("AnonymousMutableHashTableOfTensors",
       "() -> (table_handle: resource); key_dtype: type; value_dtype: type; value_shape: shape = []", shape::scalar,
       make_of_tensors_kernel),
    op("MutableDenseHashTableV2",
       "(empty_key: key_dtype, deleted_key: key_dtype) -> (table_handle: resource); container: string = \"\"; shared_name: "
       "string "
       "= \"\"; use_node_name_sharing: bool = false; key_dtype: type; value_dtype: type; value_shape: shape = []; "
       "initial_num_buckets: int = 131072; max_load_factor: float = 0.8",
       shape::scalar, make_dense_kernel),
    op("AnonymousMutableDenseHashTable",
       "(empty_key: key_dtype, deleted_key: key_dtype) -> (table_handle: resource); key_dtype: type; value_dtype: type; "
       "value_shape: shape = []; initial_num_buckets: int = 131072; max_load_factor: float = 0.8",
       shape::scalar, make_dense_kernel),
    op("InitializeTableV2", "(table_handle: resource, keys: Tkey, values: Tval) -> (); Tkey: type; Tval: type", shape::unknown,
       initialize_kernel),
    op("InitializeTableFromTextFileV2",
       "(table_handle: resource, filename: string) -> (); key_index: int; value_index: int; vocab_size: int = -1; delimiter: "
       "string = \"\\t\"; offset: int = 0",
       shape::unknown, fill_from_text_kernel),
    op("LookupTableImportV2", "(table_handle: resource, keys: Tin, values: Tout) -> (); Tin: type; Tout: type", shape::unknown,
       import_kernel),
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
