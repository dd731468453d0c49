// Crosses of features: all combinations of one value of each column, as strings or hashed into buckets.
#include <algorithm>
#include <limits>
#include <numeric>

#include "core/base/checked.h"
#include "core/base/fingerprint.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/sparse_places.h"

namespace keras {
namespace {

using Ints = std::vector<int64_t>;

/// One column of features, for each row of the batch some of them.
struct FeatureColumn {
  const Tensor* values;
  Ints starts;  // of the rows among the values

  int64_t count(int64_t row) const { return starts[static_cast<size_t>(row) + 1] - starts[static_cast<size_t>(row)]; }
  int64_t place(int64_t row, int64_t i) const { return starts[static_cast<size_t>(row)] + i; }
  std::string text(int64_t at) const {
    return values->dtype() == DType::kString ? values->data<std::string>()[at] : std::to_string(values->data<int64_t>()[at]);
  }
  uint64_t hash(int64_t at) const {
    return values->dtype() == DType::kString ? fingerprint64(values->data<std::string>()[at])
                                             : static_cast<uint64_t>(values->data<int64_t>()[at]);
  }
};

void check_features(const Tensor& values) {
  if (values.dtype() != DType::kString && values.dtype() != DType::kInt64) {
    throw InvalidArgumentError("Features to cross must be strings or int64, found {}", values.dtype());
  }
}

/// The op's inputs: places of N sparse tensors, their values, their shapes, then dense ones.
std::vector<FeatureColumn> feature_columns(KernelContext& c, int dense_end) {
  const int sparse = static_cast<int>(c.attrs().get_int("N"));
  std::vector<FeatureColumn> columns;
  int64_t batch = kUnknownDim;
  const auto same_batch = [&](int64_t rows) {
    if (batch >= 0 && rows != batch) throw InvalidArgumentError("Expected batch size {} but got {}", batch, rows);
    batch = rows;
  };
  for (int i = 0; i < sparse; ++i) {
    const Places places(c.input(i), c.input(2 * sparse + i));
    const Tensor& values = c.input(sparse + i);
    check_values(values, places.count);
    check_features(values);
    if (places.rank != 2) throw InvalidArgumentError("Input indices should be a matrix of 2 columns, found {}", places.rank);
    same_batch(places.shape[0]);
    if (batch > c.limits().tensor_bytes / 8) throw ResourceExhaustedError("A batch of {} rows is too large", batch);
    Ints starts(static_cast<size_t>(batch) + 1, 0);
    for (int64_t k = 0; k < places.count; ++k) {
      if (k > 0 && places(k, 0) < places(k - 1, 0)) throw InvalidArgumentError("Rows of a sparse tensor must be in order");
      ++starts[static_cast<size_t>(places(k, 0)) + 1];
    }
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    columns.push_back({&values, std::move(starts)});
  }
  for (int i = 3 * sparse; i < dense_end; ++i) {
    const Tensor& values = c.input(i);
    check_features(values);
    if (values.rank() != 2) throw InvalidArgumentError("Dense inputs should be a matrix but received shape {}", values.shape());
    same_batch(values.dim(0));
    Ints starts;
    for (int64_t row = 0; row <= batch; ++row) starts.push_back(row * values.dim(1));
    columns.push_back({&values, std::move(starts)});
  }
  if (columns.empty()) throw InvalidArgumentError("There is nothing to cross");
  return columns;
}

/// Calls cross(row, places of one feature of each column) for all combinations, the last column's changing first; writes the
/// places and the shape of the result.
template <class Cross>
void cross_columns(KernelContext& c, const std::vector<FeatureColumn>& columns, Cross cross) {
  const auto batch = static_cast<int64_t>(columns[0].starts.size()) - 1;
  Ints rows;
  int64_t longest = 0, total = 0;
  for (int64_t row = 0; row < batch; ++row) {
    int64_t count = 1;
    for (const FeatureColumn& column : columns) {
      const auto product = checked_mul(count, column.count(row));
      if (!product || *product > c.limits().tensor_bytes / 16) throw ResourceExhaustedError("Row {} has too many crosses", row);
      count = *product;
    }
    rows.push_back(count);
    longest = std::max(longest, count);
    total = shape::add_dims(total, count);
  }
  int64_t* index = c.output(0, {total, 2}).data<int64_t>();
  Tensor& values = c.output(1, {total});
  int64_t at = 0;
  for (int64_t row = 0; row < batch; ++row) {
    for (int64_t i = 0; i < rows[static_cast<size_t>(row)]; ++i) {
      Ints places(columns.size());
      int64_t rest = i;
      for (size_t k = columns.size(); k-- > 0;) {
        places[k] = columns[k].place(row, rest % columns[k].count(row));
        rest /= columns[k].count(row);
      }
      *index++ = row;
      *index++ = i;
      cross(places, values, at++);
    }
  }
  int64_t* shape = c.output(2, {2}).data<int64_t>();
  shape[0] = batch;
  shape[1] = longest;
}

uint64_t joined(uint64_t a, uint64_t b) {
  constexpr uint64_t kFactor = 0xC6A4A7935BD1E995u;
  const auto mixed = [](uint64_t x) { return x ^ x >> 47; };
  uint64_t result = (a ^ kFactor ^ mixed(b * kFactor) * kFactor) * kFactor;
  result = mixed(result) * kFactor;
  return mixed(result);
}

int64_t bucket(uint64_t hash, int64_t buckets) {
  const auto count = buckets > 0 ? static_cast<uint64_t>(buckets) : static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return static_cast<int64_t>(hash % count);
}

void cross_texts(KernelContext& c, const std::vector<FeatureColumn>& columns, const std::string& separator) {
  cross_columns(c, columns, [&](const Ints& places, Tensor& values, int64_t at) {
    std::string text = columns[0].text(places[0]);
    for (size_t k = 1; k < columns.size(); ++k) text += separator + columns[k].text(places[k]);
    values.data<std::string>()[at] = std::move(text);
  });
}

void cross_shape(ShapeContext& c) {
  c.set_output(0, {kUnknownDim, 2});
  c.set_output(1, {kUnknownDim});
  c.set_output(2, {2});
}

void cross_kernel(KernelContext& c) {
  const std::vector<FeatureColumn> columns = feature_columns(c, c.inputs());
  const bool hashed = c.attrs().get_bool("hashed_output");
  if (hashed != (c.output_dtype(1) == DType::kInt64))
    throw InvalidArgumentError("Crosses are int64 if they are hashed, else strings");
  if (!hashed) return cross_texts(c, columns, "_X_");
  const auto key = static_cast<uint64_t>(c.attrs().get_int("hash_key"));
  const int64_t buckets = c.attrs().get_int("num_buckets");
  cross_columns(c, columns, [&](const Ints& places, Tensor& values, int64_t at) {
    uint64_t hash = key;
    for (size_t k = 0; k < columns.size(); ++k) hash = joined(hash, columns[k].hash(places[k]));
    values.data<int64_t>()[at] = bucket(hash, buckets);
  });
}

void cross_v2_kernel(KernelContext& c) {
  if (c.input(c.inputs() - 1).elements() != 1) throw InvalidArgumentError("sep must be a scalar");
  cross_texts(c, feature_columns(c, c.inputs() - 1), c.input(c.inputs() - 1).data<std::string>()[0]);
}

/// …, num_buckets, strong_hash, salt [2]
void cross_hashed_kernel(KernelContext& c) {
  const int options = c.inputs() - 3;
  const std::vector<FeatureColumn> columns = feature_columns(c, options);
  const int64_t buckets = shape::one_element(c.input(options), "num_buckets");
  const Tensor& strong_hash = c.input(options + 1);
  const Ints salt = c.input(options + 2).to_int64s();
  if (strong_hash.elements() != 1 || salt.size() != 2) throw InvalidArgumentError("strong_hash must be a scalar, salt a pair");
  const bool strong = strong_hash.data<bool>()[0];
  const auto hash_of = [&](const FeatureColumn& column, int64_t at) {
    if (!strong || column.values->dtype() != DType::kString) return column.hash(at);
    return sip_hash(static_cast<uint64_t>(salt[0]), static_cast<uint64_t>(salt[1]), column.text(at));
  };
  cross_columns(c, columns, [&](const Ints& places, Tensor& values, int64_t at) {
    uint64_t hash = hash_of(columns[0], places[0]);
    for (size_t k = 1; k < columns.size(); ++k) hash = joined(hash, hash_of(columns[k], places[k]));
    values.data<int64_t>()[at] = bucket(hash, buckets);
  });
}
constexpr OpDef kOps[] = {
    {.name = "SparseCross",
     .signature =
         "(indices: N * int64, values: sparse_types, shapes: N * int64, dense_inputs: dense_types) -> (output_indices: int64, "
         "output_values: out_type, output_shape: int64); N: int; hashed_output: bool; num_buckets: int; hash_key: int; "
         "sparse_types: list(type); dense_types: list(type); out_type: {int64, string}; internal_type: {int64, string}",
     .shape = cross_shape,
     .kernel = cross_kernel,
     .flags = kNoGradient},
    {.name = "SparseCrossV2",
     .signature = "(indices: N * int64, values: sparse_types, shapes: N * int64, dense_inputs: dense_types, sep: string) -> "
                  "(output_indices: int64, output_values: string, output_shape: int64); N: int; sparse_types: list(type); "
                  "dense_types: list(type)",
     .shape = cross_shape,
     .kernel = cross_v2_kernel,
     .flags = kNoGradient},
    {.name = "SparseCrossHashed",
     .signature = "(indices: N * int64, values: sparse_types, shapes: N * int64, dense_inputs: dense_types, num_buckets: int64, "
                  "strong_hash: bool, salt: int64) -> (output_indices: int64, output_values: int64, output_shape: int64); N: "
                  "int; sparse_types: list(type); dense_types: list(type)",
     .shape = cross_shape,
     .kernel = cross_hashed_kernel,
     .flags = kNoGradient},
};

}  // namespace

std::span<const OpDef> cross_ops() { return kOps; }

}  // namespace keras
