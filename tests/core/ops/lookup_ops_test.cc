// Lookup tables: what is put in is found, and handles of one kind are not taken for another.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/graph/builder.h"
#include "core/graph/executor.h"
#include "core/ops/lookup_table.h"

namespace keras {
namespace {

class LookupOps : public ::testing::Test {
 protected:
  std::vector<Tensor> op(std::string_view name, std::vector<Tensor> inputs, Attrs attrs = {}) {
    return run_op(name, inputs, std::move(attrs), runtime_);
  }
  Tensor table(std::string_view op_name) {
    return op(op_name, {}, {{"key_dtype", DType::kString}, {"value_dtype", DType::kInt64}})[0];
  }
  static Tensor words(const std::vector<std::string>& values) { return Tensor::vector(values); }
  static Tensor numbers(const std::vector<int64_t>& values) { return Tensor::vector(values); }
  std::vector<int64_t> find(const Tensor& table, const std::vector<std::string>& keys) {
    const Tensor found = op("LookupTableFindV2", {table, words(keys), Tensor::scalar<int64_t>(-1)})[0];
    return found.to_int64s();
  }
  /// Keys and values.
  std::vector<Tensor> exported(const Tensor& table) {
    const auto& found = *table.object<LookupTable>();
    return op("LookupTableExportV2", {table}, {{"Tkeys", found.key_dtype()}, {"Tvalues", found.value_dtype()}});
  }
  template <class Work>
  static std::string refusal(Work work) {
    try {
      work();
    } catch (const Error& error) {
      const size_t at = error.message().find("': ");  // behind the op's name
      return keras::format("{}: {}", error_name(error.kind()), error.message().substr(at == std::string::npos ? 0 : at + 3));
    }
    return "taken";
  }
  int64_t size(const Tensor& table) { return op("LookupTableSizeV2", {table})[0].to_int64s()[0]; }

  Runtime runtime_{kernels::make_serial(), 1, Limits()};
};

TEST_F(LookupOps, AStaticTableFindsWhatItWasFilledWith) {
  const Tensor t = table("HashTableV2");
  EXPECT_EQ(size(t), 0);
  EXPECT_THROW(find(t, {"a"}), FailedPreconditionError);  // not initialised
  EXPECT_THROW(exported(t), FailedPreconditionError);
  op("LookupTableImportV2", {t, words({"a", "b", ""}), numbers({10, 20, 30})});
  EXPECT_EQ(find(t, {"b", "none", "", "a"}), (std::vector<int64_t>{20, -1, 30, 10}));
  EXPECT_EQ(size(t), 3);
}

TEST_F(LookupOps, AStaticTableIsFilledOnce) {
  const Tensor t = table("HashTableV2");
  op("InitializeTableV2", {t, words({"a"}), numbers({1})});
  // TensorFlow takes as many entries for the same ones.
  op("InitializeTableV2", {t, words({"b"}), numbers({2})});
  EXPECT_THROW(op("InitializeTableV2", {t, words({"a", "b"}), numbers({1, 2})}), FailedPreconditionError);
  EXPECT_THROW(op("LookupTableInsertV2", {t, words({"b"}), numbers({2})}), UnimplementedError);
  EXPECT_EQ(find(t, {"a", "b"}), (std::vector<int64_t>{1, -1}));
}

TEST_F(LookupOps, AKeyHasOneValue) {
  const Tensor t = table("AnonymousHashTable");
  EXPECT_EQ(refusal([&] { op("LookupTableImportV2", {t, words({"a", "a"}), numbers({1, 2})}); }),
            "FailedPreconditionError: HashTable has different value for same key. Key a has 1 and trying to add value 2");
  op("LookupTableImportV2", {t, words({"a", "a"}), numbers({1, 1})});
  EXPECT_EQ(size(t), 1);
}

TEST_F(LookupOps, AMutableTableGrowsShrinksAndIsRead) {
  const Tensor t = table("MutableHashTableV2");
  EXPECT_EQ(find(t, {"a"}), (std::vector<int64_t>{-1}));
  op("LookupTableInsertV2", {t, words({"b", "a"}), numbers({2, 1})});
  op("LookupTableInsertV2", {t, words({"b"}), numbers({22})});
  EXPECT_EQ(find(t, {"a", "b"}), (std::vector<int64_t>{1, 22}));
  const std::vector<Tensor> all = op("LookupTableExportV2", {t}, {{"Tkeys", DType::kString}, {"Tvalues", DType::kInt64}});
  EXPECT_EQ(all[0].data<std::string>()[0], "a");
  EXPECT_EQ(all[1].to_int64s(), (std::vector<int64_t>{1, 22}));
  op("LookupTableRemoveV2", {t, words({"a", "none"})});
  EXPECT_EQ(size(t), 1);
  op("LookupTableImportV2", {t, words({"c"}), numbers({3})});  // in place of what was there
  EXPECT_EQ(find(t, {"b", "c"}), (std::vector<int64_t>{-1, 3}));
}

TEST_F(LookupOps, NumbersMapToStrings) {
  const Tensor t = op("AnonymousMutableHashTable", {}, {{"key_dtype", DType::kInt32}, {"value_dtype", DType::kString}})[0];
  op("LookupTableInsertV2", {t, Tensor::vector<int32_t>({-1, 7}), words({"minus", "seven"})});
  const Tensor found = op("LookupTableFindV2", {t, Tensor::vector<int32_t>({7, 0, -1}), Tensor::scalar<std::string>("?")})[0];
  EXPECT_EQ(found.data<std::string>()[0], "seven");
  EXPECT_EQ(found.data<std::string>()[1], "?");
  EXPECT_EQ(found.data<std::string>()[2], "minus");
}

TEST_F(LookupOps, KeysHaveTheirShapeAndDefaultsMayToo) {
  const Tensor t = table("MutableHashTableV2");
  op("LookupTableInsertV2", {t, words({"a"}), numbers({5})});
  const Tensor keys = words({"a", "x", "y", "a"}).reshaped({2, 2});
  const Tensor found = op("LookupTableFindV2", {t, keys, numbers({1, 2, 3, 4}).reshaped({2, 2})})[0];
  EXPECT_EQ(found.shape(), Shape({2, 2}));
  EXPECT_EQ(found.to_int64s(), (std::vector<int64_t>{5, 2, 3, 5}));
}

TEST_F(LookupOps, ValuesMayBeVectors) {
  const Tensor t = op("MutableHashTableOfTensorsV2", {},
                      {{"key_dtype", DType::kInt64}, {"value_dtype", DType::kFloat32}, {"value_shape", Shape({2})}})[0];
  const Tensor keys = numbers({2, 3});
  const auto found = [&](const Tensor& missing) { return op("LookupTableFindV2", {t, keys, missing})[0]; };
  op("LookupTableInsertV2", {t, numbers({1, 2}), Tensor::vector<float>({1, 2, 3, 4}).reshaped({2, 2})});
  EXPECT_EQ(found(Tensor::vector<float>({7, 8})).shape(), Shape({2, 2}));
  EXPECT_EQ(found(Tensor::vector<float>({7, 8})).data<float>()[1], 4);
  EXPECT_EQ(found(Tensor::vector<float>({7, 8})).data<float>()[2], 7);
  EXPECT_EQ(found(Tensor::vector<float>({7, 8, 9, 5}).reshaped({2, 2})).data<float>()[3], 5);
  EXPECT_EQ(refusal([&] { found(Tensor::scalar<float>(7)); }),
            "InvalidArgumentError: Expected shape (2,) or (2, 2) for default value, got ()");
  EXPECT_EQ(refusal([&] { op("LookupTableInsertV2", {t, keys, Tensor::vector<float>({1, 2})}); }),
            "InvalidArgumentError: Expected shape (2, 2) for value, got (2,)");
  EXPECT_EQ(exported(t)[1].shape(), Shape({2, 2}));
  const Attrs matrices = {{"key_dtype", DType::kInt64}, {"value_dtype", DType::kFloat32}, {"value_shape", Shape({2, 2})}};
  EXPECT_THROW(op("MutableHashTableOfTensorsV2", {}, matrices), InvalidArgumentError);
}

TEST_F(LookupOps, StringsMayBeVectorsOfThem) {
  const Tensor t = op("AnonymousMutableHashTableOfTensors", {},
                      {{"key_dtype", DType::kInt64}, {"value_dtype", DType::kString}, {"value_shape", Shape({2})}})[0];
  op("LookupTableInsertV2", {t, numbers({1}), words({"a\0b", ""}).reshaped({1, 2})});
  const Tensor found = op("LookupTableFindV2", {t, numbers({0, 1}), words({"x", "yy"})})[0];
  const std::vector<std::string> all(found.data<std::string>(), found.data<std::string>() + 4);
  EXPECT_EQ(all, (std::vector<std::string>{"x", "yy", "a\0b", ""}));
}

// What TensorFlow 2.15.1 does with such a table.
class DenseTables : public LookupOps {
 protected:
  Tensor dense(int64_t buckets = 4, Attrs attrs = {}) {
    attrs.set("value_dtype", DType::kFloat32).set("initial_num_buckets", buckets);
    return op("MutableDenseHashTableV2", {Tensor::scalar<int64_t>(-1), Tensor::scalar<int64_t>(-2)}, std::move(attrs))[0];
  }
  void insert(const Tensor& table, const std::vector<int64_t>& keys, const std::vector<float>& values) {
    op("LookupTableInsertV2", {table, numbers(keys), Tensor::vector(values)});
  }
};

TEST_F(DenseTables, HaveTwoKeysThatAreNone) {
  const Tensor t = dense();
  insert(t, {1, 9}, {1, 3});
  const auto find = [&](int64_t key) {
    return op("LookupTableFindV2", {t, numbers({key}), Tensor::scalar<float>(0)})[0].data<float>()[0];
  };
  EXPECT_EQ(find(9), 3);
  EXPECT_EQ(find(4), 0);
  EXPECT_EQ(refusal([&] { find(-1); }), "InvalidArgumentError: Using the empty_key as a table key is not allowed");
  EXPECT_EQ(refusal([&] { insert(t, {5, -2}, {1, 1}); }),
            "InvalidArgumentError: Using the deleted_key as a table key is not allowed");
  EXPECT_THROW(op("LookupTableRemoveV2", {t, numbers({-1})}), InvalidArgumentError);
  op("LookupTableRemoveV2", {t, numbers({9, 77})});
  EXPECT_EQ(size(t), 1) << "what was refused changed nothing";
}

TEST_F(DenseTables, ExportTheirEmptyPlacesToo) {
  const Tensor t = dense();
  std::vector<int64_t> buckets;
  for (int64_t key = 10; key < 16; ++key) {
    insert(t, {key}, {1});
    buckets.push_back(exported(t)[0].dim(0));
  }
  EXPECT_EQ(buckets, (std::vector<int64_t>{4, 4, 4, 8, 8, 8}));
  EXPECT_EQ(exported(t)[0].shape(), Shape({8, 1}));
  EXPECT_EQ(exported(t)[0].to_int64s(), (std::vector<int64_t>{10, 11, 12, 13, 14, 15, -1, -1}));
  const Tensor keys = numbers({8, -1, -2, -1}).reshaped({4, 1});
  op("LookupTableImportV2", {t, keys, Tensor::vector<float>({5, 1, 1, 1}).reshaped({4, 1})});
  EXPECT_EQ(size(t), 1);
  EXPECT_EQ(exported(t)[1].shape(), Shape({4, 1}));
  EXPECT_THROW(op("LookupTableImportV2", {t, numbers({8, -1}), Tensor::vector<float>({5, 0})}), InvalidArgumentError);
}

TEST_F(DenseTables, HaveKeysThatAreVectors) {
  const Tensor t =
      op("AnonymousMutableDenseHashTable", {numbers({-1, 0}), numbers({-2, 0})}, {{"value_dtype", DType::kFloat32}})[0];
  op("LookupTableInsertV2", {t, numbers({1, 2, 3, 4}).reshaped({2, 2}), Tensor::vector<float>({1, 2})});
  const Tensor missing = Tensor::scalar<float>(-1), keys = numbers({3, 4, 5, 5});
  const Tensor found = op("LookupTableFindV2", {t, keys.reshaped({2, 2}), missing})[0];
  EXPECT_EQ(found.shape(), Shape({2}));
  EXPECT_EQ(found.data<float>()[0], 2);
  EXPECT_EQ(found.data<float>()[1], -1);
  EXPECT_THROW(op("LookupTableFindV2", {t, keys.reshaped({1, 2, 2}), missing}), InvalidArgumentError);
  EXPECT_THROW(op("LookupTableFindV2", {t, keys, missing}), InvalidArgumentError);
}

TEST_F(DenseTables, DoNotGrowWithoutEnd) {
  const Tensor t = dense(4, {{"max_load_factor", 1e-30f}});
  EXPECT_THROW(op("LookupTableInsertV2", {t, numbers({5}), Tensor::vector<float>({1})}), ResourceExhaustedError);
  EXPECT_EQ(exported(t)[0].dim(0), 4);
}

TEST_F(DenseTables, RefuseSizesThatAreNone) {
  EXPECT_EQ(refusal([&] { dense(3); }), "InvalidArgumentError: Number of buckets must be at least 4 and a power of 2, got: 3");
  EXPECT_EQ(refusal([&] { dense(4, {{"max_load_factor", 1.5f}}); }),
            "InvalidArgumentError: max_load_factor must be between 0 and 1, got: 1.5");
  EXPECT_THROW(dense(int64_t{1} << 62), ResourceExhaustedError);
  const Tensor key = Tensor::scalar<int64_t>(-1);
  EXPECT_EQ(refusal([&] { op("MutableDenseHashTableV2", {key, key}, {{"value_dtype", DType::kFloat32}}); }),
            "InvalidArgumentError: Empty and deleted keys cannot be equal");
}

TEST_F(LookupOps, OtherDtypesAndCountsAreRefused) {
  const Tensor t = table("MutableHashTableV2");
  EXPECT_THROW(op("LookupTableInsertV2", {t, numbers({1}), numbers({1})}), InvalidArgumentError);
  EXPECT_THROW(op("LookupTableInsertV2", {t, words({"a", "b"}), numbers({1})}), InvalidArgumentError);
  EXPECT_THROW(op("LookupTableExportV2", {t}, {{"Tkeys", DType::kInt64}, {"Tvalues", DType::kInt64}}), InvalidArgumentError);
}

TEST_F(LookupOps, AVariableIsNoTableAndATableNoVariable) {
  const Tensor variable = Tensor::resource(std::make_shared<Variable>("v", Tensor::vector<float>({1}), true));
  EXPECT_THROW(op("LookupTableSizeV2", {variable}), InvalidArgumentError);
  EXPECT_THROW(op("ReadVariableOp", {table("HashTableV2")}, {{"dtype", DType::kFloat32}}), InvalidArgumentError);
  EXPECT_THROW(op("LookupTableSizeV2", {Tensor::allocate(DType::kResource, Shape())}), InvalidArgumentError);
}

TEST_F(LookupOps, AGraphMakesFillsAndReadsATable) {
  GraphBuilder builder("table");
  const Attrs dtypes = {{"key_dtype", DType::kString}, {"value_dtype", DType::kInt64}};
  const Value handle = builder.emit("HashTableV2", std::vector<Value>{}, dtypes)[0];
  const Value keys = builder.arg("keys", DType::kString, Shape({kUnknownDim}));
  builder.emit("LookupTableImportV2",
               std::vector<Value>{handle, builder.constant(words({"x", "y"})), builder.constant(numbers({1, 2}))});
  const Value found =
      builder.emit("LookupTableFindV2", std::vector<Value>{handle, keys, builder.constant(Tensor::scalar<int64_t>(0))})[0];
  Executor executor(builder.finish(std::vector<Value>{found}, {"found"}));
  const std::vector<Tensor> args = {words({"y", "z"})};
  for (int run = 0; run < 2; ++run) {
    EXPECT_EQ(executor.run(args, runtime_)[0].to_int64s(), (std::vector<int64_t>{2, 0}));
  }
}

// What TensorFlow 2.15.1 reads from such files, and refuses.
class TextTables : public LookupOps {
 protected:
  std::shared_ptr<LookupTable> read(const std::string& text, DType key, DType value, Attrs attrs) {
    runtime_.resources().add_file("words.txt", text);
    const Tensor handle = op("HashTableV2", {}, {{"key_dtype", key}, {"value_dtype", value}})[0];
    op("InitializeTableFromTextFileV2", {handle, Tensor::scalar<std::string>("words.txt")}, std::move(attrs));
    return handle.object<LookupTable>();
  }
  /// "key value, …", in order of the keys' bytes.
  template <class Key, class Value>
  std::string entries(const std::string& text, Attrs attrs) {
    const auto found = read(text, DTypeOf<Key>::value, DTypeOf<Value>::value, std::move(attrs));
    Tensor keys = Tensor::allocate(found->key_dtype(), {found->size()});
    Tensor values = Tensor::allocate(found->value_dtype(), {found->size()});
    found->export_to(keys, values);
    std::string result;
    for (int64_t i = 0; i < found->size(); ++i) {
      result += keras::format("{}{} {}", i > 0 ? ", " : "", keys.data<Key>()[i], values.data<Value>()[i]);
    }
    return result;
  }
  std::string refusal(const std::string& text, DType key, DType value, Attrs attrs) {
    try {
      read(text, key, value, std::move(attrs));
    } catch (const Error& error) {
      return error.message();
    }
    return "taken";
  }
  static Attrs format(int64_t key, int64_t value, const std::string& delimiter = "\t", int64_t size = -1, int64_t offset = 0) {
    return {{"key_index", key}, {"value_index", value}, {"delimiter", delimiter}, {"vocab_size", size}, {"offset", offset}};
  }

  const std::string columns_ = "a\t1\t0.5\nb\t2\t1.5\nc\t3\t2.5\n";
};

TEST_F(TextTables, HaveColumnsLinesAndTheirNumbers) {
  EXPECT_EQ((entries<std::string, int64_t>(columns_, format(-2, -1))), "a\t1\t0.5 0, b\t2\t1.5 1, c\t3\t2.5 2");
  EXPECT_EQ((entries<std::string, int32_t>(columns_, format(0, 1))), "a 1, b 2, c 3");
  EXPECT_EQ((entries<std::string, float>(columns_, format(0, 2))), "a 0.5, b 1.5, c 2.5");
  EXPECT_EQ((entries<std::string, double>(columns_, format(0, 2))), "a 0.5, b 1.5, c 2.5");
  EXPECT_EQ((entries<int64_t, std::string>(columns_, format(1, 0))), "1 a, 2 b, 3 c");
  EXPECT_EQ((entries<int64_t, std::string>(columns_, format(-1, 0, "\t", -1, 5))), "5 a, 6 b, 7 c");
  EXPECT_EQ((entries<std::string, int64_t>(columns_, format(0, 1, "\t", 2))), "a 1, b 2");
  EXPECT_EQ((entries<std::string, int64_t>("a, 1\r\nb,,2", format(-2, -1, ","))), "a, 1 0, b,,2 1");
  EXPECT_EQ((entries<std::string, int64_t>("a,,1\n", format(0, 2, ","))), "a 1");
  EXPECT_EQ((entries<std::string, int64_t>("a\t1\n", {{"key_index", int64_t{0}}, {"value_index", int64_t{1}}})), "a 1");
  EXPECT_EQ((entries<std::string, int64_t>("a, 1\na,1\n", format(0, 1, ","))), "a 1");
}

TEST_F(TextTables, RefuseWhatDoesNotFit) {
  const DType s = DType::kString, i64 = DType::kInt64;
  EXPECT_EQ(refusal(columns_, s, i64, format(0, 3)),
            "Invalid number of columns in words.txt line 0 (a\t1\t0.5) : expected at least 4 got 3");
  EXPECT_EQ(refusal(columns_, s, i64, format(0, 2)), "Field 0.5 in line 0 is not a valid int64.");
  EXPECT_EQ(refusal("a,99999999999\n", s, DType::kInt32, format(0, 1, ",")), "Field 99999999999 in line 0 is not a valid int32.");
  EXPECT_EQ(refusal("a,,1\n", s, i64, format(0, 1, ",")), "Field  in line 0 is not a valid int64.");
  EXPECT_EQ(refusal("a,true\n", s, DType::kBool, format(0, 1, ",")), "Data type bool not supported.");
  EXPECT_EQ(refusal(columns_, DType::kInt32, s, format(-1, 0)),
            "Key index for line number requires table key dtype of int64, got int32");
  EXPECT_EQ(refusal(columns_, s, DType::kInt32, format(-2, -1)),
            "Value index for line number requires table value dtype of int64, got int32");
  EXPECT_EQ(refusal(columns_, s, i64, format(-3, 0)), "Value for attr 'key_index' of -3 must be at least minimum -2");
  EXPECT_EQ(refusal(columns_, s, i64, format(0, 1, "\t", 4)), "Invalid vocab_size in words.txt: expected 4 but got 3");
  EXPECT_EQ(refusal(columns_, s, i64, format(0, 1, "\t", 0)), "Finished reading 0 of lines from words.txt");
  EXPECT_EQ(refusal("a,1\n\nb,2\n", s, i64, format(0, 1, ",")), "Invalid content in words.txt: empty line found at position 5.");
  EXPECT_EQ(refusal("a,1\n", s, i64, format(0, 1, ", ")), "delimiter should be only 1 char");
  EXPECT_NE(refusal("", s, i64, format(-2, -1)), "taken");
  EXPECT_NE(refusal("a\na\n", s, i64, format(-2, -1)), "taken");  // two values for one key
}

TEST_F(TextTables, NeedAFileAndATableToInitialise) {
  const Tensor name = Tensor::scalar<std::string>("words.txt");
  EXPECT_THROW(op("InitializeTableFromTextFileV2", {table("HashTableV2"), name}, format(-2, -1)), NotFoundError);
  runtime_.resources().add_file("words.txt", "a\n");
  EXPECT_THROW(op("InitializeTableFromTextFileV2", {table("MutableHashTableV2"), name}, format(-2, -1)), InvalidArgumentError);
  EXPECT_THROW(op("InitializeTableFromTextFileV2", {table("HashTableV2"), words({"words.txt"})}, format(-2, -1)),
               InvalidArgumentError);
}

}  // namespace
}  // namespace keras
